import { Archive, ArchiveRestore, ChevronRight, FileUp, FolderInput, FolderUp, Menu as MenuIcon, Plus, RotateCcw, Search, Trash2, Upload, UserPlus, X } from "lucide-react";
import { useEffect, useRef } from "react";

import { formatHome, type HomeView } from "../route";
import { home as words } from "../strings/home";
import { Button, IconButton, Menu, MenuItem } from "../ui/kit";
import css from "./home.module.css";
import { crumbs } from "./listing";
import { moveAmongResults } from "./search_results";
import { folderTarget } from "./use_row_drag";

interface TopBarProps {
  query: string;
  onQuery: (query: string) => void;
  mayEdit: boolean;
  onDrawer: () => void;
  onNew: () => void;
  onFiles: () => void;
  onFolder: () => void;
  /** Null: it is not for this person. */
  onShare: (() => void) | null;
}

export function TopBar(props: TopBarProps) {
  return (
    <header className={css.bar}>
      <span className={css.narrowOnly}>
        <IconButton label={words.openNavigation} onClick={props.onDrawer}>
          <MenuIcon />
        </IconButton>
      </span>
      <SearchField query={props.query} onQuery={props.onQuery} />
      <div className={css.tools}>
        <Menu
          align="end"
          button={
            <Button look="quiet" disabled={!props.mayEdit} aria-label={words.upload}>
              <Upload aria-hidden="true" />
              <span className={css.wideOnly}>{words.upload}</span>
            </Button>
          }
        >
          <MenuItem icon={<FileUp />} onSelect={props.onFiles}>
            {words.uploadFiles}
          </MenuItem>
          <MenuItem icon={<FolderUp />} onSelect={props.onFolder}>
            {words.uploadFolder}
          </MenuItem>
        </Menu>
        {props.onShare && (
          <span className={css.wideOnly}>
            <Button look="secondary" onClick={props.onShare}>
              <UserPlus aria-hidden="true" /> {words.share}
            </Button>
          </span>
        )}
        <span className={css.narrowOnly}>
          <IconButton label={words.newDocument} look="primary" disabled={!props.mayEdit} onClick={props.onNew}>
            <Plus />
          </IconButton>
        </span>
      </div>
    </header>
  );
}

function SearchField({ query, onQuery }: Pick<TopBarProps, "query" | "onQuery">) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (target.matches("input, textarea, select, [contenteditable]") || document.querySelector("[role=dialog], [role=menu]")) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <div className={css.search} role="search">
      <Search aria-hidden="true" />
      <input
        ref={input}
        type="search"
        data-search
        aria-label={words.search}
        placeholder={words.searchHint}
        aria-keyshortcuts="/"
        autoComplete="off"
        spellCheck={false}
        value={query}
        onChange={({ target }) => onQuery(target.value)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") moveAmongResults(event, 1);
          if (event.key !== "Escape") return;
          event.preventDefault();
          if (query === "") event.currentTarget.blur();
          else onQuery("");
        }}
      />
      {query === "" ? (
        <kbd aria-hidden="true">/</kbd>
      ) : (
        <IconButton
          label={words.clearSearch}
          small
          onClick={() => {
            onQuery("");
            input.current?.focus();
          }}
        >
          <X />
        </IconButton>
      )}
    </div>
  );
}

export function Crumbs({ workspace, title, folder, count }: { workspace: string; title: string; folder: string; count: number }) {
  const way = crumbs(folder);
  return (
    <div className={css.head}>
      <h1 className="visually-hidden">{folder ? way.at(-1)?.name : title}</h1>
      <nav aria-label={words.breadcrumb}>
        <ol className={css.crumbs}>
          <li>{folder ? <a href={formatHome(workspace)} {...folderTarget("")}>{title}</a> : <span aria-current="page">{title}</span>}</li>
          {way.map(({ name, path }, index) => (
            <li key={path}>
              <ChevronRight aria-hidden="true" />
              {index === way.length - 1 ? <span aria-current="page">{name}</span> : <a href={formatHome(workspace, { folder: path })} {...folderTarget(path)}>{name}</a>}
            </li>
          ))}
        </ol>
      </nav>
      <p className={css.count} role="status">
        {words.items(count)}
      </p>
    </div>
  );
}

interface SelectionBarProps {
  view: HomeView;
  mayEdit: boolean;
  count: number;
  onMove: () => void;
  onArchive: () => void;
  onUnarchive: () => void;
  onRestore: () => void;
  onTrash: () => void;
  onClear: () => void;
}

export function SelectionBar(props: SelectionBarProps) {
  const { view, mayEdit } = props;
  const disabled = !mayEdit;
  return (
    <div className={css.head} data-selection>
      <IconButton label={words.clearSelection} keys="Esc" small onClick={props.onClear}>
        <X />
      </IconButton>
      <p role="status" className={css.selected}>
        {words.selected(props.count)}
      </p>
      <div className={css.tools}>
        {view === "trash" ? (
          <Button small look="quiet" disabled={disabled} onClick={props.onRestore}>
            <RotateCcw aria-hidden="true" /> {words.restoreIt}
          </Button>
        ) : (
          <>
            <Button small look="quiet" disabled={disabled} onClick={props.onMove}>
              <FolderInput aria-hidden="true" /> <span className={css.word}>{words.move}</span>
            </Button>
            {view === "archive" ? (
              <Button small look="quiet" disabled={disabled} onClick={props.onUnarchive}>
                <ArchiveRestore aria-hidden="true" /> <span className={css.word}>{words.unarchiveIt}</span>
              </Button>
            ) : (
              <Button small look="quiet" disabled={disabled} onClick={props.onArchive}>
                <Archive aria-hidden="true" /> <span className={css.word}>{words.archiveIt}</span>
              </Button>
            )}
            <Button small look="danger" disabled={disabled} onClick={props.onTrash}>
              <Trash2 aria-hidden="true" /> <span className={css.word}>{words.trashIt}</span>
            </Button>
          </>
        )}
      </div>
    </div>
  );
}
