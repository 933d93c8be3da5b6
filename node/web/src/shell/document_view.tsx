// The bar above a text, the text, what is beside it and below it.

import { ChevronLeft, Ellipsis, History, MessageSquare, MessagesSquare, Search, Share2, Users, X } from "lucide-react";
import { Suspense, useCallback, useEffect, useMemo, useState } from "react";

import { mayShare, ofDocument, send } from "../api";
import type { EditorHandle } from "../editor/handle";
import { usePresence } from "../people/use_presence";
import { formatRoute, pathProblem, splitPath } from "../route";
import { shell } from "../strings/shell";
import type { Connection } from "../sync";
import { Button, Dot, IconButton, Menu, MenuItem, MenuLine, MenuTitle, TabContent, Tabs, Tip, toast, toastError, type Tone } from "../ui/kit";
import { Announcer } from "./announcer";
import { keysText, useCommands } from "./commands";
import { Notices } from "./notices";
import type { Command } from "./offered";
import { useOpenDocument } from "./open_document";
import { openPalette } from "./palette";
import {
  AuthorshipToggle,
  AvatarStack,
  ChatPanel,
  CodeEditor,
  CommentLayer,
  CommentMargin,
  CommentsPanel,
  HistoryPanel,
  MeshDot,
  PeoplePanel,
  PersonButton,
  RichEditor,
  ShareDialog,
  VersionOverlay,
} from "./parts";
import { SaveState } from "./save_state";
import css from "./shell.module.css";
import { Figures, FiguresSource } from "./text_figures";
import { chooseTheme, themeChoice } from "./theme";

type Panel = "comments" | "chat" | "people" | "history";

const panelKeys: Record<Panel, string> = {
  comments: "Mod+Alt+C",
  chat: "Mod+Alt+T",
  people: "Mod+Alt+P",
  history: "Mod+Alt+H",
};
const panelNames: Panel[] = ["comments", "chat", "people", "history"];

interface DocumentViewProps {
  /** Whether it is rich text is known: an editor may be shown. */
  kindKnown: boolean;
  onEditor: (editor: EditorHandle | null) => void;
}

export function DocumentView({ kindKnown, onEditor }: DocumentViewProps) {
  const open = useOpenDocument();
  const { workspace, session, view, info, mayEdit, rich, editor } = open;
  const shareable = mayShare(workspace);
  const [panel, setPanel] = useState<Panel | null>(null);
  const [sharing, setSharing] = useState(false);
  const [figures] = useState(() => new FiguresSource());
  const showComments = useCallback(() => setPanel("comments"), []);
  usePresence(open);

  const commands = useMemo<Command[]>(() => {
    const group = shell.palette.here;
    const toggle = (name: Panel) => () => setPanel((shown) => (shown === name ? null : name));
    return [
      ...panelNames.map((name) => ({ id: name, title: shell[name], keys: panelKeys[name], group, run: toggle(name) })),
      { id: "find", title: shell.find, group, run: () => editor?.find() },
      ...(shareable ? [{ id: "share", title: shell.share, group, run: () => setSharing(true) }] : []),
      { id: "undo", title: shell.undo, group, run: () => editor?.undo() },
      { id: "redo", title: shell.redo, group, run: () => editor?.redo() },
      { id: "copy-link", title: shell.copyLink, group, run: () => void copyLink() },
    ];
  }, [editor, shareable]);
  useCommands("document", commands);

  return (
    <div className={css.document}>
      <a
        className={css.skip}
        href="#text"
        onClick={(event) => {
          // What follows the # is the document's address; and the place to write in is better than what is around it.
          event.preventDefault();
          if (editor) editor.focus();
          else document.getElementById("text")?.focus();
        }}
      >
        {shell.skip}
      </a>
      <TopBar panel={panel} onPanel={setPanel} onShare={shareable ? () => setSharing(true) : null} />
      <Notices />
      <div className={css.desk}>
        <main id="text" tabIndex={-1} className={css.text} data-loaded={view.loaded} data-testid="text">
          <Suspense fallback={<p className={css.loading}>{shell.loading}</p>}>
            {kindKnown && rich && (
              <RichEditor
                session={session}
                mayEdit={mayEdit}
                loaded={view.loaded}
                template={info?.meta?.["template"] ?? ""}
                onCaret={figures.set}
                handle={onEditor}
              />
            )}
            {kindKnown && !rich && (
              <CodeEditor
                session={session}
                path={info?.path ?? ""}
                language={info?.language ?? ""}
                mayEdit={mayEdit}
                loaded={view.loaded}
                onFigures={figures.set}
                handle={onEditor}
              />
            )}
          </Suspense>
          {!view.loaded && <p className={css.loading}>{shell.loading}</p>}
          <Suspense>
            <CommentLayer onShowPanel={showComments} />
            <VersionOverlay />
          </Suspense>
        </main>
        {panel === null ? (
          <Suspense>
            <CommentMargin />
          </Suspense>
        ) : (
          <SidePanel panel={panel} onPanel={setPanel} />
        )}
      </div>
      <footer className={css.foot}>
        <Figures source={figures} />
        <span className={css.spring} />
        <Suspense>
          <MeshDot workspace={workspace} />
        </Suspense>
        <ConnectionState connection={view.connection} />
      </footer>
      <Announcer />
      {shareable && sharing && (
        <Suspense>
          <ShareDialog workspace={workspace} info={info} open onOpen={setSharing} />
        </Suspense>
      )}
    </div>
  );
}

async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    toast(shell.copied);
  } catch (error) {
    toastError(error);
  }
}

interface TopBarProps {
  panel: Panel | null;
  onPanel: (panel: Panel | null) => void;
  /** Null: it is not for this person. */
  onShare: (() => void) | null;
}

function TopBar({ panel, onPanel, onShare }: TopBarProps) {
  const { workspace, info, roomState, editor, mayEdit, person, onPerson } = useOpenDocument();
  const [renaming, setRenaming] = useState(false);
  const toggle = (name: Panel) => () => onPanel(panel === name ? null : name);
  const icons = { comments: MessageSquare, chat: MessagesSquare, people: Users, history: History };
  const counts: Partial<Record<Panel, number>> = { comments: roomState.unreadComments, chat: roomState.unread };
  return (
    <header className={css.bar}>
      <Tip text={shell.home}>
        <a className={css.back} href={formatRoute(workspace.name)} aria-label={shell.home}>
          <ChevronLeft aria-hidden="true" />
        </a>
      </Tip>
      {renaming && info ? <RenameField onDone={() => setRenaming(false)} /> : <Title onRename={() => mayEdit && setRenaming(true)} />}
      <SaveState />
      <span className={css.spring} />
      <Suspense>
        <AvatarStack />
        <PersonButton person={person} onPerson={onPerson} compact />
      </Suspense>
      <div className={css.tools} role="toolbar" aria-label={shell.panels}>
        <Suspense>
          <span className={css.wideOnly}>
            <AuthorshipToggle />
          </span>
        </Suspense>
        {panelNames.map((name) => {
          const Icon = icons[name];
          return (
            <IconButton
              key={name}
              label={shell[name]}
              keys={keysText(panelKeys[name])}
              count={counts[name] ?? 0}
              aria-expanded={panel === name}
              data-panel={name}
              className={name === "people" || name === "history" ? css.wideOnly : undefined}
              onClick={toggle(name)}
            >
              <Icon />
            </IconButton>
          );
        })}
      </div>
      {onShare && (
        <Button className={css.share} look="primary" aria-label={shell.share} onClick={onShare}>
          <Share2 aria-hidden="true" />
          <span className={css.wideOnly} aria-hidden="true">
            {shell.share}
          </span>
        </Button>
      )}
      <Menu
        align="end"
        button={
          <IconButton label={shell.more}>
            <Ellipsis />
          </IconButton>
        }
      >
        <MenuItem icon={<Search />} keys={keysText("Mod+K")} onSelect={openPalette}>
          {shell.commands}
        </MenuItem>
        <MenuItem onSelect={() => editor?.find()}>{shell.find}</MenuItem>
        {panelNames.map((name) => (
          <MenuItem key={name} keys={keysText(panelKeys[name])} onSelect={toggle(name)}>
            {shell[name]}
          </MenuItem>
        ))}
        <MenuLine />
        {mayEdit && <MenuItem onSelect={() => setTimeout(() => setRenaming(true))}>{shell.rename}</MenuItem>}
        <MenuItem onSelect={() => void copyLink()}>{shell.copyLink}</MenuItem>
        <MenuLine />
        <MenuTitle>{shell.theme.title}</MenuTitle>
        {(["system", "light", "dark"] as const).map((choice) => (
          <MenuItem key={choice} checked={themeChoice() === choice} onSelect={() => chooseTheme(choice)}>
            {shell.theme[choice]}
          </MenuItem>
        ))}
      </Menu>
    </header>
  );
}

function Title({ onRename }: { onRename: () => void }) {
  const { info } = useOpenDocument();
  const { folder, name } = splitPath(info?.path ?? "");
  return (
    <h1 className={css.title} title={info?.path} onDoubleClick={onRename}>
      {folder && !info?.title && <span className={css.folder}>{folder}</span>}
      {info?.title || name}
    </h1>
  );
}

/** The path; a title is of the home page's dialog. */
function RenameField({ onDone }: { onDone: () => void }) {
  const { info } = useOpenDocument();
  const [path, setPath] = useState(info?.path ?? "");
  const problem = pathProblem(path);
  const rename = async () => {
    if (!info || problem) return;
    try {
      if (path !== info.path) await send("PATCH", ofDocument(info.id, ""), { path });
      onDone();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <form
      className={css.rename}
      onSubmit={(event) => {
        event.preventDefault();
        void rename();
      }}
    >
      <input
        autoFocus
        aria-label={shell.rename}
        aria-invalid={problem !== null}
        title={problem ?? shell.renameHint}
        value={path}
        onChange={(event) => setPath(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && onDone()}
        onBlur={onDone}
      />
    </form>
  );
}

const panels = { comments: CommentsPanel, chat: ChatPanel, people: PeoplePanel, history: HistoryPanel };

function SidePanel({ panel, onPanel }: { panel: Panel; onPanel: (panel: Panel | null) => void }) {
  const { roomState, editor } = useOpenDocument();
  const close = useCallback(() => {
    onPanel(null);
    editor?.focus();
  }, [onPanel, editor]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      // Whatever else Escape closes has taken it before.
      if (event.key === "Escape" && !event.defaultPrevented && (event.target as Element).closest(`.${css.panel}`)) close();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [close]);
  return (
    <aside className={css.panel} aria-label={shell[panel]}>
      <Tabs
        className={css.tabs}
        label={shell.panels}
        value={panel}
        onValue={onPanel}
        tabs={[
          { name: "comments", title: shell.comments, count: roomState.unreadComments },
          { name: "chat", title: shell.chat, count: roomState.unread },
          { name: "people", title: shell.people },
          { name: "history", title: shell.historyTab },
        ]}
        more={
          <IconButton label={shell.closePanel} small onClick={close}>
            <X />
          </IconButton>
        }
      >
        {panelNames.map((name) => {
          const Inside = panels[name];
          return (
            <TabContent key={name} value={name} className={css.panelBody} tabIndex={-1}>
              <Suspense fallback={<p className={css.loading}>{shell.loading}</p>}>
                <Inside />
              </Suspense>
            </TabContent>
          );
        })}
      </Tabs>
    </aside>
  );
}

const tones: Record<Connection, Tone> = { connected: "good", http: "busy", connecting: "busy", offline: "bad", refused: "bad" };

function ConnectionState({ connection }: { connection: Connection }) {
  return (
    <Tip text={shell.connectionAbout[connection]}>
      <span className={css.connection} tabIndex={0} data-testid="connection" data-connection={connection}>
        <Dot tone={tones[connection]} />
        {shell.connection[connection]}
      </span>
    </Tip>
  );
}
