import { Archive, ArchiveRestore, CheckSquare, Copy, CopyPlus, Download, ExternalLink, FileDown, FolderInput, FolderOpen, Pencil, RotateCcw, Trash2 } from "lucide-react";

import type { DocumentInfo } from "../api";
import { home as words } from "../strings/home";
import { MenuAt, MenuItem, MenuLine } from "../ui/kit";
import { focusedRow, rowName } from "./document_list";
import type { DocumentActions } from "./document_actions";
import type { Row } from "./listing";

export interface MenuPlace {
  row: Row;
  /** What is done to several is done to these: the selection, if the row is of it. */
  rows: readonly Row[];
  x: number;
  y: number;
}

interface RowMenuProps {
  /** Null: it is closed. */
  at: MenuPlace | null;
  mayEdit: boolean;
  hrefOf: (row: Row) => string;
  actions: DocumentActions;
  taken: { has(path: string): boolean };
  onClose: () => void;
  /** As the box before it does, which phones show only once something is chosen. */
  onSelect: (row: Row) => void;
  onRename: (row: Row) => void;
  /** The documents of rows, those of folders among them. */
  documentsOf: (rows: readonly Row[]) => DocumentInfo[];
  onMove: (rows: readonly Row[]) => void;
  onTrash: (rows: readonly Row[]) => void;
}

export function RowMenu(props: RowMenuProps) {
  const { at, onClose } = props;
  return (
    <MenuAt at={at} label={at ? (at.rows.length > 1 ? words.selected(at.rows.length) : words.actionsFor(rowName(at.row))) : ""} onClose={onClose} returnTo={focusedRow}>
      {at && (at.row.type === "document" && at.row.document.trashed ? <Trashed {...props} {...at} /> : <Usual {...props} {...at} />)}
    </MenuAt>
  );
}

function Trashed({ rows, actions, mayEdit, documentsOf }: RowMenuProps & MenuPlace) {
  return (
    <MenuItem icon={<RotateCcw />} disabled={!mayEdit} onSelect={() => void actions.restore(documentsOf(rows))}>
      {words.restoreIt}
    </MenuItem>
  );
}

function Usual(props: RowMenuProps & MenuPlace) {
  const { row, rows, mayEdit, actions, documentsOf, onMove, onTrash } = props;
  const archived = row.type === "document" && row.document.archived;
  return (
    <>
      {rows.length === 1 && <OfOne {...props} />}
      <MenuItem icon={<FolderInput />} disabled={!mayEdit} onSelect={() => onMove(rows)}>
        {words.move}
      </MenuItem>
      {archived ? (
        <MenuItem icon={<ArchiveRestore />} disabled={!mayEdit} onSelect={() => void actions.unarchive(documentsOf(rows))}>
          {words.unarchiveIt}
        </MenuItem>
      ) : (
        <MenuItem icon={<Archive />} disabled={!mayEdit} onSelect={() => void actions.archive(documentsOf(rows))}>
          {words.archiveIt}
        </MenuItem>
      )}
      <MenuLine />
      <MenuItem icon={<Trash2 />} keys={words.keyTrash} danger disabled={!mayEdit} onSelect={() => onTrash(rows)}>
        {words.trashIt}
      </MenuItem>
    </>
  );
}

function OfOne({ row, mayEdit, hrefOf, actions, taken, onSelect, onRename }: RowMenuProps & MenuPlace) {
  const href = hrefOf(row);
  const document = row.type === "document" ? row.document : null;
  return (
    <>
      <MenuItem icon={<FolderOpen />} keys={words.keyOpen} onSelect={() => (location.hash = href)}>
        {words.open}
      </MenuItem>
      <MenuItem icon={<ExternalLink />} onSelect={() => void window.open(href, "_blank", "noopener")}>
        {words.openNewTab}
      </MenuItem>
      {document && (
        <>
          <MenuItem icon={<Copy />} onSelect={() => actions.copyLink(document)}>
            {words.copyLink}
          </MenuItem>
          <MenuItem icon={<Download />} onSelect={() => void actions.export(document, "text")}>
            {words.exportText}
          </MenuItem>
          <MenuItem icon={<FileDown />} onSelect={() => void actions.export(document, "update")}>
            {words.exportUpdate}
          </MenuItem>
        </>
      )}
      <MenuItem icon={<CheckSquare />} keys={words.keySelect} onSelect={() => onSelect(row)}>
        {words.selectIt}
      </MenuItem>
      <MenuLine />
      <MenuItem icon={<Pencil />} keys={words.keyRename} disabled={!mayEdit} onSelect={() => onRename(row)}>
        {words.rename}
      </MenuItem>
      {document && (
        <MenuItem icon={<CopyPlus />} disabled={!mayEdit} onSelect={() => void actions.duplicate(document, taken)}>
          {words.duplicate}
        </MenuItem>
      )}
    </>
  );
}
