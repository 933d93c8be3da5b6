// One document: found, opened, and everything around its text.

import { FileQuestion, Trash2 } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import { createDocument, type DocumentInfo, ofDocument, request, type Workspace } from "../api";
import type { EditorHandle } from "../editor/handle";
import type { Person } from "../person";
import { emptyRoom, Room } from "../room";
import { formatRoute, splitPath } from "../route";
import { shell } from "../strings/shell";
import { openSession, releaseSession, type Session } from "../sync";
import { Button, Empty, toastError } from "../ui/kit";
import type { Access } from "./access";
import { DocumentView } from "./document_view";
import { type OpenDocument, OpenDocumentContext } from "./open_document";
import css from "./shell.module.css";
import { useDocument } from "./use_document";
import { useGoTo } from "./use_go_to";
import { replaceHash } from "./use_hash";

interface DocumentPageProps {
  workspace: Workspace;
  path: string;
  access: Access;
  person: Person;
  onPerson: (person: Person) => void;
}

export function DocumentPage({ workspace, path, access, person, onPerson }: DocumentPageProps) {
  const onMoved = useCallback((to: string) => replaceHash(formatRoute(workspace.name, to)), [workspace.name]);
  const found = useDocument(workspace.id, path, access.documents, onMoved);
  const { name } = splitPath(path);
  const title = found.state === "found" && found.info.title ? found.info.title : name;
  useEffect(() => {
    document.title = `${title} · ${shell.product}`;
    return () => {
      document.title = shell.product;
    };
  }, [title]);

  const home = (
    <a className={css.homeLink} href={formatRoute(workspace.name)}>
      {shell.home}
    </a>
  );
  switch (found.state) {
    case "loading":
      return <p className={css.loading}>{shell.loading}</p>;
    case "failed":
      return (
        <Empty page icon={<FileQuestion aria-hidden="true" />} title={found.why}>
          <Button onClick={found.refresh}>{shell.tryAgain}</Button>
          {home}
        </Empty>
      );
    case "none":
      return (
        <Empty page icon={<FileQuestion aria-hidden="true" />} title={shell.noDocument(path)}>
          {["host", "editor"].includes(workspace.role) && (
            <Button look="primary" onClick={() => void createDocument(workspace.id, { path }).then(found.refresh, toastError)}>
              {shell.makeIt}
            </Button>
          )}
          {home}
        </Empty>
      );
    case "trashed": {
      const restore = () => request(ofDocument(found.info.id, "/restore"), { method: "POST" });
      return (
        <Empty page icon={<Trash2 aria-hidden="true" />} title={shell.inTrash(found.info.path)}>
          <Button onClick={() => void restore().then(found.refresh, toastError)}>{shell.restore}</Button>
          {home}
        </Empty>
      );
    }
    case "found":
      return <Opened key={found.info.id} workspace={workspace} info={found.info} person={person} onPerson={onPerson} />;
  }
}

function useSession(workspace: string, document: string): Session | null {
  const [session, setSession] = useState<Session | null>(null);
  useEffect(() => {
    const opened = openSession({ workspace, document });
    setSession(opened);
    return () => {
      setSession(null);
      releaseSession(opened);
    };
  }, [workspace, document]);
  return session;
}

function useRoom(workspace: string, document: string, person: Person): Room | null {
  const [room, setRoom] = useState<Room | null>(null);
  const personRef = useRef(person);
  personRef.current = person;
  useEffect(() => {
    const opened = new Room(workspace, document, () => personRef.current);
    setRoom(opened);
    return () => {
      setRoom(null);
      opened.close();
    };
  }, [workspace, document]);
  return room;
}

interface OpenedProps {
  workspace: Workspace;
  info: DocumentInfo;
  person: Person;
  onPerson: (person: Person) => void;
}

function Opened(props: OpenedProps) {
  const session = useSession(props.workspace.id, props.info.id);
  const room = useRoom(props.workspace.id, props.info.id, props.person);
  if (!session || !room) return null;
  return <WithSession {...props} session={session} room={room} />;
}

/** Who wrote it first decides, where nobody said what kind it is. */
function useRich({ kind }: DocumentInfo, session: Session, loaded: boolean): boolean | null {
  const decided = useRef<boolean | null>(null);
  if (kind) return kind === "rich";
  if (decided.current === null && loaded) decided.current = session.rich.length > 0 && session.text.length === 0;
  return decided.current;
}

function WithSession({ workspace, info, person, onPerson, session, room }: OpenedProps & { session: Session; room: Room }) {
  const view = useSyncExternalStore(session.subscribe, session.view);
  const roomState = useSyncExternalStore(room.subscribe, room.view);
  const [editor, setEditor] = useState<EditorHandle | null>(null);
  const rich = useRich(info, session, view.loaded);
  useEffect(() => session.introduce(person), [session, person]);
  useEffect(() => {
    session.onReveal = (clientId) => editor?.revealCursor(clientId);
    return () => {
      session.onReveal = null;
    };
  }, [session, editor]);
  useGoTo(editor, view.loaded);
  // As this document's events say; until then, as in the workspace.
  const role = roomState.role || workspace.role;
  const open = useMemo<OpenDocument>(
    () => ({
      workspace,
      info,
      session,
      view,
      room,
      roomState: roomState ?? emptyRoom,
      editor,
      person,
      onPerson,
      role,
      mayEdit: role === "host" || role === "editor",
      mayComment: role !== "viewer" && role !== "relay",
      rich: rich === true,
    }),
    [workspace, info, session, view, room, roomState, editor, person, onPerson, role, rich],
  );
  return (
    <OpenDocumentContext value={open}>
      <DocumentView kindKnown={rich !== null} onEditor={setEditor} />
    </OpenDocumentContext>
  );
}
