import { type FormEvent, useState } from "react";

import type { DocumentInfo } from "../api";
import { pathProblem, splitPath } from "../route";
import { home as words } from "../strings/home";
import { Button, Dialog, TextField } from "../ui/kit";
import css from "./dialogs.module.css";
import type { DocumentActions } from "./document_actions";
import { focusedRow } from "./document_list";
import type { Folder, Row } from "./listing";
import { cleanPart, movedPath } from "./naming";

interface RenameDialogProps {
  /** Null: it is closed. */
  row: Row | null;
  documents: readonly DocumentInfo[];
  actions: DocumentActions;
  onClose: () => void;
}

export function RenameDialog({ row, documents, actions, onClose }: RenameDialogProps) {
  return (
    <Dialog
      open={row !== null}
      onOpen={(open) => !open && onClose()}
      title={row?.type === "folder" ? words.renameFolderTitle : words.renameTitle}
      returnTo={focusedRow}
    >
      {row?.type === "document" && <OfDocument document={row.document} actions={actions} onClose={onClose} />}
      {row?.type === "folder" && <OfFolder folder={row.folder} documents={documents} actions={actions} onClose={onClose} />}
    </Dialog>
  );
}

function Foot({ busy, onClose }: { busy: boolean; onClose: () => void }) {
  return (
    <div className={css.foot}>
      <Button onClick={onClose}>{words.cancel}</Button>
      <Button type="submit" look="primary" disabled={busy}>
        {words.save}
      </Button>
    </div>
  );
}

/** "plan" of "notes/plan.md". */
function selectStem(input: HTMLInputElement): void {
  const { folder, name } = splitPath(input.value);
  const dot = name.lastIndexOf(".");
  input.setSelectionRange(folder.length, folder.length + (dot > 0 ? dot : name.length));
}

function OfDocument({ document, actions, onClose }: { document: DocumentInfo; actions: DocumentActions; onClose: () => void }) {
  const [title, setTitle] = useState(document.title ?? "");
  // What it is called by is what is most likely to be changed.
  const titled = Boolean(document.title);
  const [path, setPath] = useState(document.path);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wrong = pathProblem(path.trim());
    if (wrong) return setProblem(wrong);
    setBusy(true);
    try {
      await actions.rename(document, { path: path.trim(), title: title.trim() });
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <form className={css.form} onSubmit={(event) => void submit(event)}>
      <TextField
        label={words.title}
        hint={words.titleHint}
        autoFocus={titled}
        onFocus={({ target }) => target.select()}
        maxLength={200}
        value={title}
        onChange={({ target }) => setTitle(target.value)}
      />
      <TextField
        label={words.path}
        hint={words.pathHint}
        problem={problem}
        autoFocus={!titled}
        onFocus={({ target }) => selectStem(target)}
        spellCheck={false}
        value={path}
        onChange={({ target }) => {
          setPath(target.value);
          setProblem(null);
        }}
      />
      <Foot busy={busy} onClose={onClose} />
    </form>
  );
}

interface OfFolderProps {
  folder: Folder;
  documents: readonly DocumentInfo[];
  actions: DocumentActions;
  onClose: () => void;
}

/** A folder is what its documents' paths begin with: each of them is moved. */
function OfFolder({ folder, documents, actions, onClose }: OfFolderProps) {
  const [name, setName] = useState(folder.name);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const clean = cleanPart(name);
    const to = `${folder.path.slice(0, -folder.name.length - 1)}${clean}/`;
    if (clean === "") return;
    onClose();
    if (to === folder.path) return;
    const inside = documents.filter(({ path }) => path.startsWith(folder.path));
    void actions.move(inside.map(({ id, path }) => ({ id, path: movedPath(path, folder.path, to) })), to, inside);
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <TextField
        label={words.folderName}
        hint={words.documents(folder.count)}
        autoFocus
        onFocus={({ target }) => target.select()}
        value={name}
        onChange={({ target }) => setName(target.value)}
      />
      <Foot busy={cleanPart(name) === ""} onClose={onClose} />
    </form>
  );
}
