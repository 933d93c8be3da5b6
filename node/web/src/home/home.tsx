// What a workspace has: its documents in folders, what is found in them, and how its nodes stand.

import { Archive, Clock, Folder, Trash2 } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";

import { type DocumentInfo, mayEdit, mayShare, type Workspace } from "../api";
import { MeshView } from "../mesh/mesh_view";
import { openedTimes } from "../remembered";
import { formatHome, formatRoute, type HomePlace, parseHome } from "../route";
import { useCommands } from "../shell/commands";
import type { Command } from "../shell/offered";
import type { HomeProps } from "../shell/parts";
import { replaceHash, useHash } from "../shell/use_hash";
import { home as words } from "../strings/home";
import { shell } from "../strings/shell";
import { Button, Drawer, Empty, Notice, toast, toastError } from "../ui/kit";
import { DocumentActions } from "./document_actions";
import { DocumentList } from "./document_list";
import css from "./home.module.css";
import { ImportDialog } from "./import_dialog";
import { type BroughtFile, fromDrop, fromInput } from "./import_run";
import { WorkspaceDialog } from "./join";
import { allFolders, buildTree, documentRow, documentsOf, type Row, rowsOf, sortDocuments } from "./listing";
import { MoveDialog } from "./move_dialog";
import { planMove } from "./move_plan";
import { NewDocumentDialog, type Template } from "./new_document";
import { NoWorkspace } from "./no_workspace";
import { lastUse, recentDocuments } from "./recent";
import { RenameDialog } from "./rename_dialog";
import { type MenuPlace, RowMenu } from "./row_menu";
import { SearchResults } from "./search_results";
import { kept, nothing as nothingSelected, type Selection, toggled } from "./selection";
import { Side } from "./side";
import { Start } from "./start";
import { Crumbs, SelectionBar, TopBar } from "./top_bar";
import { useDocuments, useTrash } from "./use_documents";
import { useDrop } from "./use_drop";
import { useRowDrag } from "./use_row_drag";
import { useSort } from "./use_sort";

export function Home(props: HomeProps) {
  const { workspace } = props;
  if (!workspace) return <NoWorkspace onChanged={props.onChanged} />;
  return <InWorkspace key={workspace.id} {...props} workspace={workspace} />;
}

const noDocuments: readonly DocumentInfo[] = [];
const noRows: readonly Row[] = [];

function InWorkspace({ access, workspace, person, onPerson, onChanged, ...props }: HomeProps & { workspace: Workspace }) {
  const hash = useHash();
  const place = useMemo(() => parseHome(hash), [hash]);
  const documents = useDocuments(workspace, access);
  const trash = useTrash(workspace, place.view === "trash");
  const [sort, setSort] = useSort();
  const [selection, setSelection] = useState<Selection>(nothingSelected);
  const [menu, setMenu] = useState<MenuPlace | null>(null);
  const [drawer, setDrawer] = useState(false);
  const [creating, setCreating] = useState<{ template?: Template } | null>(null);
  const [renaming, setRenaming] = useState<Row | null>(null);
  const [moving, setMoving] = useState(noRows);
  const [files, setFiles] = useState<readonly BroughtFile[] | null>(null);
  const [founding, setFounding] = useState<"create" | "join" | null>(null);
  const chooser = useRef<{ files: HTMLInputElement | null; folder: HTMLInputElement | null }>({ files: null, folder: null });
  const limited = access.documents.length > 0;
  // Null: documents may be made here.
  const obstacle = !mayEdit(workspace) ? words.readOnly(workspace.role) : limited ? words.someOnly : null;
  const editable = obstacle === null;
  const onShare = mayShare(workspace) ? props.onShare : null;

  const all = documents.all ?? noDocuments;
  const live = useMemo(() => all.filter(({ archived }) => !archived), [all]);
  const archived = useMemo(() => all.filter((one) => one.archived), [all]);
  const tree = useMemo(() => buildTree(live), [live]);
  const folders = useMemo(() => allFolders(tree), [tree]);
  const taken = useMemo(() => new Set(all.map(({ path }) => path)), [all]);
  const openedAt = useMemo(() => openedTimes(workspace.id), [workspace.id]);

  const { refresh } = documents;
  const refreshTrash = trash.refresh;
  const actions = useMemo(
    () =>
      new DocumentActions(workspace, () => {
        void refresh();
        void refreshTrash();
      }),
    [workspace, refresh, refreshTrash],
  );

  const rows = useMemo((): readonly Row[] => {
    if (place.query !== "") return noRows;
    switch (place.view) {
      case "all": return rowsOf(tree, live, place.folder, sort);
      case "recent": return recentDocuments(live, openedAt).map(documentRow);
      case "archive": return sortDocuments(archived, sort).map(documentRow);
      case "trash": return [...(trash.all ?? [])].sort((a, b) => (b.trashed ?? 0) - (a.trashed ?? 0)).map(documentRow);
      case "mesh": return noRows;
    }
  }, [place, tree, live, archived, trash.all, sort, openedAt]);

  const where = `${place.view} ${place.folder} ${place.query}`;
  useEffect(() => setSelection(nothingSelected), [where]);
  const shownSelection = useMemo(() => kept(selection, rows.map(({ key }) => key)), [selection, rows]);
  const selected = useMemo(() => rows.filter(({ key }) => shownSelection.keys.has(key)), [rows, shownSelection]);

  useEffect(() => {
    document.title = `${workspace.name} · ${shell.product}`;
    return () => {
      document.title = shell.product;
    };
  }, [workspace.name]);

  const go = useCallback((to: Partial<HomePlace>) => (location.hash = formatHome(workspace.name, to)), [workspace.name]);
  const onQuery = (query: string) => {
    const to = formatHome(workspace.name, { ...place, query });
    // One step back leaves the search, however much was typed.
    if (place.query !== "" || query === "") replaceHash(to);
    else location.hash = to;
  };

  const commands = useMemo<readonly Command[]>(
    () =>
      [
        ...(editable ? [{ id: "home.new", title: words.newDocument, group: words.navigation, run: () => setCreating({}) }] : []),
        { id: "home.recent", title: words.recent, group: words.navigation, run: () => go({ view: "recent" }) },
        { id: "home.archive", title: words.archive, group: words.navigation, run: () => go({ view: "archive" }) },
        { id: "home.trash", title: words.trash, group: words.navigation, run: () => go({ view: "trash" }) },
        { id: "home.mesh", title: words.mesh, group: words.navigation, run: () => go({ view: "mesh" }) },
        ...(editable ? [{ id: "home.import", title: words.uploadFiles, group: words.navigation, run: () => chooser.current.files?.click() }] : []),
        ...(onShare ? [{ id: "home.share", title: words.inviteTitle, group: words.navigation, run: onShare }] : []),
      ],
    [editable, go, onShare],
  );
  useCommands("home", commands);

  const bring = useCallback((dropped: DataTransfer) => void fromDrop(dropped).then(setFiles, toastError), []);
  const drop = useDrop(editable ? bring : null);

  const movable = editable && place.view !== "trash";
  const rowDrag = useRowDrag({
    // One of what is chosen brings all of that along.
    rowsOf: (index) => {
      const row = movable ? rows[index] : undefined;
      return !row ? noRows : shownSelection.keys.has(row.key) ? selected : [row];
    },
    documents: all,
    onMove: (some, folder) => {
      const plan = planMove(some, all, folder);
      if ("moves" in plan) void actions.move(plan.moves, plan.folder, all);
      else if (plan.problem === "taken") toast(words.moveProblem(plan.path));
    },
  });

  const hrefOf = (row: Row) =>
    row.type === "folder" ? formatHome(workspace.name, { folder: row.folder.path }) : formatRoute(workspace.name, row.document.path);
  const trashRows = (some: readonly Row[]) => {
    if (!editable || place.view === "trash") return;
    setSelection(nothingSelected);
    void actions.trash(documentsOf(some, live));
  };
  const rename = (row: Row) => {
    if (editable && place.view !== "trash") setRenaming(row);
  };

  const owner = access.status !== null && !access.guest;
  const side = (
    <Side
      workspaces={access.workspaces}
      workspace={workspace}
      obstacle={obstacle}
      device={access.status?.name ?? null}
      place={place}
      tree={tree}
      archived={archived.length}
      person={person}
      onPerson={onPerson}
      onNew={() => {
        setDrawer(false);
        setCreating({});
      }}
      onNewWorkspace={owner ? () => setFounding("create") : null}
      onJoin={owner ? () => setFounding("join") : null}
      onShare={onShare}
      onGone={() => setDrawer(false)}
    />
  );

  const list = (label: string, empty: ReactNode) =>
    rows.length === 0 ? (
      empty
    ) : (
      <DocumentList
        key={where}
        workspace={workspace.id}
        label={label}
        rows={rows}
        flat={place.view !== "all"}
        sort={place.view === "all" || place.view === "archive" ? sort : null}
        onSort={setSort}
        timeTitle={place.view === "trash" ? words.trashedColumn : place.view === "recent" ? words.openedColumn : words.columns.changed}
        timeOf={(row) => {
          if (row.type === "folder") return row.folder.changed;
          if (place.view === "trash") return row.document.trashed ?? 0;
          return place.view === "recent" ? lastUse(row.document, openedAt) : row.document.changed;
        }}
        hrefOf={hrefOf}
        selection={shownSelection}
        onSelection={setSelection}
        onMenu={(row, at) => setMenu({ row, rows: shownSelection.keys.has(row.key) ? selected : [row], ...at })}
        onRename={rename}
        onTrash={trashRows}
        movable={movable}
      />
    );

  const loading = <p className={css.loading}>{words.loading}</p>;
  const content = () => {
    if (place.query !== "") return <SearchResults workspace={workspace} documents={all} query={place.query} />;
    if (place.view === "mesh") return <MeshView workspace={workspace} onShare={onShare} />;
    if (place.view === "trash") {
      if (trash.all === null) return loading;
      return list(words.trash, <Nothing icon={<Trash2 />} title={words.emptyTrash} text={words.emptyTrashText} />);
    }
    if (documents.all === null) return documents.error === null ? loading : null;
    if (place.view === "archive") {
      return list(words.archive, <Nothing icon={<Archive />} title={words.emptyArchive} text={words.emptyArchiveText} />);
    }
    if (place.view === "recent") {
      return list(words.recent, <Nothing icon={<Clock />} title={words.emptyRecent} text={words.emptyRecentText} />);
    }
    if (all.length === 0 && place.folder === "") {
      return (
        <Start
          workspace={workspace}
          mayEdit={editable}
          onNew={(template) => setCreating(template ? { template } : {})}
          onFiles={() => chooser.current.files?.click()}
          onFolder={() => chooser.current.folder?.click()}
          onShare={onShare}
        />
      );
    }
    return list(
      place.folder || words.allDocuments,
      <Nothing icon={<Folder />} title={words.emptyFolder} text={words.emptyFolderText} />,
    );
  };

  const titles = { all: words.allDocuments, recent: words.recent, archive: words.archive, trash: words.trash, mesh: words.mesh };
  const hasHead = place.query === "" && place.view !== "mesh" && !(place.view === "all" && all.length === 0);
  return (
    <div className={css.home} {...drop.handlers} {...rowDrag}>
      <aside className={css.side} aria-label={words.navigation}>
        {side}
      </aside>
      <Drawer open={drawer} onOpen={setDrawer} label={words.navigation}>
        {side}
      </Drawer>
      <main className={css.main}>
        <TopBar
          query={place.query}
          onQuery={onQuery}
          mayEdit={editable}
          onDrawer={() => setDrawer(true)}
          onNew={() => setCreating({})}
          onFiles={() => chooser.current.files?.click()}
          onFolder={() => chooser.current.folder?.click()}
          onShare={onShare}
        />
        {(documents.error ?? trash.error) && (
          <Notice
            tone="bad"
            action={
              <Button small onClick={() => void documents.refresh()}>
                {words.retry}
              </Button>
            }
          >
            {`${words.failed}: ${documents.error ?? trash.error}`}
          </Notice>
        )}
        {obstacle && place.query === "" && place.view === "all" && <Notice>{obstacle}</Notice>}
        {hasHead &&
          (selected.length > 0 ? (
            <SelectionBar
              view={place.view}
              mayEdit={editable}
              count={selected.length}
              onMove={() => setMoving(selected)}
              onArchive={() => void actions.archive(documentsOf(selected, live))}
              onUnarchive={() => void actions.unarchive(documentsOf(selected, archived))}
              onRestore={() => void actions.restore(documentsOf(selected, trash.all ?? noDocuments))}
              onTrash={() => trashRows(selected)}
              onClear={() => setSelection(nothingSelected)}
            />
          ) : (
            <Crumbs workspace={workspace.name} title={titles[place.view]} folder={place.folder} count={rows.length} />
          ))}
        {content()}
      </main>
      {drop.over && (
        <div className={css.drop} aria-hidden="true">
          <p>
            <strong>{words.drop}</strong>
            {words.dropInto(place.folder)}
          </p>
        </div>
      )}
      <input
        ref={(element) => void (chooser.current.files = element)}
        type="file"
        multiple
        hidden
        data-choose="files"
        onChange={({ target }) => takeFiles(target, setFiles)}
      />
      <input
        ref={(element) => {
          chooser.current.folder = element;
          // Not an attribute that React knows.
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        data-choose="folder"
        onChange={({ target }) => takeFiles(target, setFiles)}
      />
      <RowMenu
        at={menu}
        mayEdit={editable}
        hrefOf={hrefOf}
        actions={actions}
        taken={taken}
        onClose={() => setMenu(null)}
        onSelect={({ key }) => setSelection(toggled(shownSelection, key))}
        onRename={rename}
        documentsOf={(some) => documentsOf(some, all)}
        onMove={setMoving}
        onTrash={trashRows}
      />
      <NewDocumentDialog
        workspace={workspace}
        documents={all}
        folders={folders}
        folder={place.folder}
        template={creating?.template}
        open={creating !== null}
        onOpen={(open) => !open && setCreating(null)}
      />
      <RenameDialog row={renaming} documents={live} actions={actions} onClose={() => setRenaming(null)} />
      <MoveDialog rows={moving} documents={all} folders={folders} actions={actions} onClose={() => setMoving(noRows)} />
      <ImportDialog
        workspace={workspace}
        documents={all}
        folders={folders}
        folder={place.folder}
        files={files}
        onClose={() => setFiles(null)}
        onImported={actions.changed}
      />
      <WorkspaceDialog which={founding} onClose={() => setFounding(null)} onCreated={onChanged} />
    </div>
  );
}

function takeFiles(input: HTMLInputElement, onFiles: (files: readonly BroughtFile[]) => void): void {
  if (input.files && input.files.length > 0) onFiles(fromInput(input.files));
  // So that the same can be chosen again.
  input.value = "";
}

const Nothing = ({ icon, title, text }: { icon: ReactNode; title: string; text: string }) => (
  <Empty icon={icon} title={title}>
    <p>{text}</p>
  </Empty>
);
