import { type FormEvent, useState } from "react";

import type { DocumentInfo } from "../api";
import { home as words } from "../strings/home";
import { Button, Dialog } from "../ui/kit";
import css from "./dialogs.module.css";
import type { DocumentActions } from "./document_actions";
import { focusedRow } from "./document_list";
import { FolderField } from "./folder_field";
import { documentsOf, type Row } from "./listing";
import { planMove } from "./move_plan";

interface MoveDialogProps {
  /** Empty: it is closed. */
  rows: readonly Row[];
  documents: readonly DocumentInfo[];
  folders: readonly string[];
  actions: DocumentActions;
  onClose: () => void;
}

export function MoveDialog(props: MoveDialogProps) {
  const count = documentsOf(props.rows, props.documents).length;
  return (
    <Dialog open={props.rows.length > 0} onOpen={(open) => !open && props.onClose()} title={words.moveTitle(count)} returnTo={focusedRow}>
      <Form {...props} />
    </Dialog>
  );
}

function Form({ rows, documents, folders, actions, onClose }: MoveDialogProps) {
  const [folder, setFolder] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const plan = planMove(rows, documents, folder);
    if ("problem" in plan) return setProblem(plan.problem === "taken" ? words.moveProblem(plan.path) : words.intoItself);
    onClose();
    void actions.move(plan.moves, plan.folder, documents);
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <FolderField
        folder={folder}
        folders={folders}
        problem={problem}
        autoFocus
        onFolder={(typed) => {
          setFolder(typed);
          setProblem(null);
        }}
      />
      <div className={css.foot}>
        <Button onClick={onClose}>{words.cancel}</Button>
        <Button type="submit" look="primary">
          {words.moveHere}
        </Button>
      </div>
    </form>
  );
}
