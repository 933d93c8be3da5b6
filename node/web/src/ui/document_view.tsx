import { lazy, Suspense, useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import type { CaretPosition } from "../editor/editor";
import type { Person } from "../person";
import { splitPath } from "../route";
import type { SavedState } from "../saved";
import { Room } from "../room";
import { type Connection, openSession, releaseSession, type Session } from "../sync";
import { Back, Check, Clock, Warning } from "./icons";
import { Panel, PanelButton, type Tab, useRoom, useStatus } from "./panel";
import { People } from "./people";

const Editor = lazy(() => import("../editor/editor"));

interface DocumentViewProps {
  workspace: string;
  path: string;
  /** Null until the document is made, by its first edit. */
  documentId: string | null;
  mayEdit: boolean;
  listRoute: string;
  person: Person;
}

export function DocumentView({ workspace, path, ...rest }: DocumentViewProps) {
  const [session, setSession] = useState<Session | null>(null);
  useEffect(() => {
    const opened = openSession({ workspace, path });
    setSession(opened);
    return () => {
      setSession(null);
      releaseSession(opened);
    };
  }, [workspace, path]);
  if (!session) return null;
  return <OpenDocument session={session} {...rest} />;
}

type OpenDocumentProps = Omit<DocumentViewProps, "workspace" | "path"> & { session: Session };

function OpenDocument({ session, documentId, mayEdit, listRoute, person }: OpenDocumentProps) {
  const view = useSyncExternalStore(session.subscribe, session.view);
  const [caret, setCaret] = useState<CaretPosition | null>(null);
  const onCaret = useCallback((position: CaretPosition) => setCaret(position), []);
  useEffect(() => session.introduce(person), [session, person]);
  useStatus(session);
  const [tab, setTab] = useState<Tab | null>(null);
  const personRef = useRef(person);
  personRef.current = person;
  const room = useRoom(documentId, () => new Room(session.ref.workspace, documentId ?? "", () => personRef.current));
  const { folder, name } = splitPath(session.ref.path);

  return (
    <>
      <header className="bar">
        <a className="back" href={listRoute} aria-label="All documents">
          <Back />
        </a>
        <h2 title={session.ref.path}>
          {folder && <span className="folder">{folder}</span>}
          {name}
        </h2>
        {mayEdit ? <Saved state={view.saved} /> : <span className="saved">View only</span>}
        <People participants={view.participants} />
        <PanelButton room={room} open={tab !== null} onOpen={() => setTab(tab === null ? "chat" : null)} />
        <ConnectionState connection={view.connection} />
      </header>
      {view.connection === "refused" && (
        <p className="notice" role="alert">
          {view.refusal}{" "}
          <button type="button" onClick={() => session.retry()}>
            Try again
          </button>
        </p>
      )}
      {view.trouble && (
        <p className="notice" role="alert">
          Your changes are not saved yet and kept in this tab: {view.trouble}.
        </p>
      )}
      <div className="desk">
        <div className="editor-area" data-loaded={view.loaded}>
          <Suspense>
            <Editor session={session} mayEdit={mayEdit} loaded={view.loaded} onCaret={onCaret} />
          </Suspense>
          {!view.loaded && <p className="loading">Loading…</p>}
        </div>
        {tab !== null && <Panel session={session} view={view} room={room} tab={tab} onTab={setTab} />}
      </div>
      <footer className="status">
        {caret && (
          <>
            <span>
              Line {caret.line}, column {caret.column}
            </span>
            <span>{caret.language}</span>
          </>
        )}
      </footer>
    </>
  );
}

const savedTexts: Record<SavedState, { text: string; title: string }> = {
  loading: { text: "", title: "" },
  saving: { text: "Saving…", title: "The newest changes are on their way to this node’s disk." },
  saved: { text: "Saved", title: "Everything you changed is on this node’s disk." },
  "offline-unsaved": {
    text: "Offline — changes kept in this tab",
    title: "This tab holds changes that no node has yet. Keep it open; they are sent on reconnecting.",
  },
  offline: { text: "Offline — nothing unsaved", title: "Everything you changed had been saved." },
};

function Saved({ state }: { state: SavedState }) {
  const { text, title } = savedTexts[state];
  const Icon = state === "saved" ? Check : state === "saving" ? Clock : Warning;
  return (
    <span className="saved" role="status" data-state={state} title={title}>
      {text && <Icon />}
      {text}
    </span>
  );
}

const connectionTexts: Record<Connection, { tone: string; text: string }> = {
  connected: { tone: "good", text: "Connected" },
  connecting: { tone: "busy", text: "Connecting…" },
  offline: { tone: "bad", text: "Offline, retrying" },
  refused: { tone: "bad", text: "Refused" },
};

function ConnectionState({ connection }: { connection: Connection }) {
  const { tone, text } = connectionTexts[connection];
  return (
    <span className="connection" role="status">
      <span className="dot" data-tone={tone} />
      {text}
    </span>
  );
}
