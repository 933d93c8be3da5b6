import { Archive, ChevronRight, ChevronsUpDown, Clock, Files, Folder as FolderIcon, Laptop, LogIn, Network, Plus, Trash2, UserPlus } from "lucide-react";
import { type ReactNode, useState } from "react";

import type { Workspace } from "../api";
import { meshSummary } from "../mesh/summary";
import { StateSign } from "../mesh/state_sign";
import { useMesh } from "../mesh/use_mesh";
import type { Person } from "../person";
import { formatHome, formatRoute, type HomePlace } from "../route";
import { home as words } from "../strings/home";
import { Button, Menu, MenuItem, MenuLine, MenuTitle, Tip } from "../ui/kit";
import type { Folder } from "./listing";
import { PersonButton } from "./person_button";
import css from "./side.module.css";
import { folderTarget } from "./use_row_drag";

export interface SideProps {
  workspaces: readonly Workspace[];
  workspace: Workspace;
  /** Why no documents can be made; null: they can. */
  obstacle: string | null;
  /** Of this node; null for guests. */
  device: string | null;
  place: HomePlace;
  tree: Folder;
  archived: number;
  person: Person;
  onPerson: (person: Person) => void;
  onNew: () => void;
  /** Of the device's owner only. */
  onNewWorkspace: (() => void) | null;
  onJoin: (() => void) | null;
  /** Of hosts only. */
  onShare: (() => void) | null;
  /** Something was chosen: a drawer closes. */
  onGone: () => void;
}

export function Side(props: SideProps) {
  const { workspace, obstacle, place, tree } = props;
  const searching = place.query !== "";
  const at = (view: HomePlace["view"]) => !searching && place.view === view && place.folder === "";
  return (
    <div className={css.side} onClick={(event) => (event.target as HTMLElement).closest("a") && props.onGone()}>
      <WorkspaceMenu {...props} />
      <div className={css.new}>
        <Button
          look="primary"
          onClick={props.onNew}
          disabled={obstacle !== null}
          title={obstacle ?? undefined}
        >
          <Plus aria-hidden="true" /> {words.new}
        </Button>
      </div>
      <nav className={css.nav} aria-label={words.navigation}>
        <Place icon={<Files />} href={formatHome(workspace.name)} folder="" current={at("all")} count={tree.count}>
          {words.allDocuments}
        </Place>
        <Place icon={<Clock />} href={formatHome(workspace.name, { view: "recent" })} current={at("recent")}>
          {words.recent}
        </Place>
        <Place icon={<Archive />} href={formatHome(workspace.name, { view: "archive" })} current={at("archive")} count={props.archived}>
          {words.archive}
        </Place>
        <Place icon={<Trash2 />} href={formatHome(workspace.name, { view: "trash" })} current={at("trash")}>
          {words.trash}
        </Place>
        <MeshPlace workspace={workspace} current={at("mesh")} />
        {tree.folders.length > 0 && (
          <>
            <h2 className={css.title}>{words.folders}</h2>
            <Folders folders={tree.folders} workspace={workspace.name} current={searching ? "" : place.folder} />
          </>
        )}
      </nav>
      <footer className={css.foot}>
        {props.device && (
          <p className={css.device}>
            <Laptop aria-hidden="true" />
            {words.device(props.device)}
          </p>
        )}
        <PersonButton person={props.person} onPerson={props.onPerson} />
      </footer>
    </div>
  );
}

function WorkspaceMenu({ workspaces, workspace, onNewWorkspace, onJoin, onShare }: SideProps) {
  const button = (
    <button type="button" className={css.workspace}>
      <span className="visually-hidden">{words.switchWorkspace}</span>
      <img src="./icon.svg" alt="" width="26" height="26" />
      <span>
        <strong>{workspace.name}</strong>
        <span className={css.quiet}>{workspace.members > 0 ? words.members(workspace.members) : words.role(workspace.role)}</span>
      </span>
      <ChevronsUpDown aria-hidden="true" />
    </button>
  );
  return (
    <Menu button={button}>
      <MenuTitle>{words.workspaces}</MenuTitle>
      {workspaces.map(({ id, name }) => (
        <MenuItem key={id} checked={id === workspace.id} onSelect={() => (location.hash = formatRoute(name))}>
          {name}
        </MenuItem>
      ))}
      {(onShare ?? onNewWorkspace ?? onJoin) && <MenuLine />}
      {onShare && (
        <MenuItem icon={<UserPlus />} onSelect={onShare}>
          {words.inviteTitle}
        </MenuItem>
      )}
      {onNewWorkspace && (
        <MenuItem icon={<Plus />} onSelect={onNewWorkspace}>
          {words.newWorkspace}
        </MenuItem>
      )}
      {onJoin && (
        <MenuItem icon={<LogIn />} onSelect={onJoin}>
          {words.joinWorkspace}
        </MenuItem>
      )}
    </Menu>
  );
}

interface PlaceProps {
  icon: ReactNode;
  href: string;
  /** That rows can be dragged into. */
  folder?: string;
  current: boolean;
  count?: number;
  children: ReactNode;
}

function Place({ icon, href, folder, current, count, children }: PlaceProps) {
  return (
    <a className={css.place} href={href} aria-current={current ? "page" : undefined} {...(folder === undefined ? {} : folderTarget(folder))}>
      {icon}
      <span className={css.placeName}>{children}</span>
      {count !== undefined && count > 0 && (
        <span className={css.count} aria-label={words.documents(count)}>
          {words.count(count)}
        </span>
      )}
    </a>
  );
}

function MeshPlace({ workspace, current }: { workspace: Workspace; current: boolean }) {
  const { tone, text } = meshSummary(useMesh(workspace).mesh);
  return (
    <Tip text={text}>
      <a className={css.place} href={formatHome(workspace.name, { view: "mesh" })} aria-current={current ? "page" : undefined}>
        <Network aria-hidden="true" />
        <span className={css.placeName}>{words.mesh}</span>
        <StateSign tone={tone} size={15} />
        <span className="visually-hidden">{text}</span>
      </a>
    </Tip>
  );
}

function Folders({ folders, workspace, current }: { folders: readonly Folder[]; workspace: string; current: string }) {
  // Room for the buttons that open them, where there are any.
  const turns = folders.some((folder) => folder.folders.length > 0);
  return (
    <ul className={css.folders}>
      {folders.map((folder) => (
        <FolderLine key={folder.path} folder={folder} turns={turns} workspace={workspace} current={current} />
      ))}
    </ul>
  );
}

interface FolderLineProps {
  folder: Folder;
  turns: boolean;
  workspace: string;
  current: string;
}

function FolderLine({ folder, turns, workspace, current }: FolderLineProps) {
  const [opened, setOpened] = useState<boolean | null>(null);
  // The way to the folder that is shown is open by itself.
  const open = opened ?? (current.startsWith(folder.path) && current !== folder.path);
  return (
    <li>
      <div className={css.folder}>
        {folder.folders.length > 0 ? (
          <button
            type="button"
            className={css.turn}
            aria-expanded={open}
            aria-label={open ? words.collapse(folder.name) : words.expand(folder.name)}
            onClick={() => setOpened(!open)}
          >
            <ChevronRight aria-hidden="true" />
          </button>
        ) : (
          turns && <span className={css.turn} />
        )}
        <Place icon={<FolderIcon />} href={formatHome(workspace, { folder: folder.path })} folder={folder.path} current={current === folder.path} count={folder.count}>
          {folder.name}
        </Place>
      </div>
      {open && folder.folders.length > 0 && <Folders folders={folder.folders} workspace={workspace} current={current} />}
    </li>
  );
}
