import { Archive, ArchiveRestore, Copy, CopyPlus, Download, ExternalLink, FileDown, FolderInput, FolderOpen, Pencil, RotateCcw, Trash2 } from "lucide-react";

import { home as words } from "../strings/home";
import { MenuAt, MenuItem, MenuLine } from "../ui/kit";
import { focusedRow, rowName } from "./document_list";
import type { DocumentActions } from "./document_actions";
import type { Row } from "./listing";

export interface MenuPlace {
  row: Row;
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
  onRename: (row: Row) => void;
  onMove: (row: Row) => void;
  onTrash: (row: Row) => void;
}

export function RowMenu(props: RowMenuProps) {
  const { at, onClose } = props;
  return (
    <MenuAt at={at} label={at ? words.actionsFor(rowName(at.row)) : ""} onClose={onClose} returnTo={focusedRow}>
      {at && (at.row.type === "document" && at.row.document.trashed ? <Trashed {...props} row={at.row} /> : <Usual {...props} row={at.row} />)}
    </MenuAt>
  );
}

function Trashed({ row, actions, mayEdit }: RowMenuProps & { row: Row }) {
  if (row.type !== "document") return null;
  return (
    <MenuItem icon={<RotateCcw />} disabled={!mayEdit} onSelect={() => void actions.restore([row.document])}>
      {words.restoreIt}
    </MenuItem>
  );
}

function Usual({ row, mayEdit, hrefOf, actions, taken, onRename, onMove, onTrash }: RowMenuProps & { row: Row }) {
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
        <MenuItem icon={<Copy />} onSelect={() => actions.copyLink(document)}>
          {words.copyLink}
        </MenuItem>
      )}
      <MenuLine />
      <MenuItem icon={<Pencil />} keys={words.keyRename} disabled={!mayEdit} onSelect={() => onRename(row)}>
        {words.rename}
      </MenuItem>
      <MenuItem icon={<FolderInput />} disabled={!mayEdit} onSelect={() => onMove(row)}>
        {words.move}
      </MenuItem>
      {document && (
        <>
          <MenuItem icon={<CopyPlus />} disabled={!mayEdit} onSelect={() => void actions.duplicate(document, taken)}>
            {words.duplicate}
          </MenuItem>
          <MenuLine />
          <MenuItem icon={<Download />} onSelect={() => void actions.export(document, "text")}>
            {words.exportText}
          </MenuItem>
          <MenuItem icon={<FileDown />} onSelect={() => void actions.export(document, "update")}>
            {words.exportUpdate}
          </MenuItem>
        </>
      )}
      <MenuLine />
      {document &&
        (document.archived ? (
          <MenuItem icon={<ArchiveRestore />} disabled={!mayEdit} onSelect={() => void actions.unarchive([document])}>
            {words.unarchiveIt}
          </MenuItem>
        ) : (
          <MenuItem icon={<Archive />} disabled={!mayEdit} onSelect={() => void actions.archive([document])}>
            {words.archiveIt}
          </MenuItem>
        ))}
      <MenuItem icon={<Trash2 />} keys={words.keyTrash} danger disabled={!mayEdit} onSelect={() => onTrash(row)}>
        {words.trashIt}
      </MenuItem>
    </>
  );
}
