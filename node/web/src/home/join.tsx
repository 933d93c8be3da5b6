import { type FormEvent, useState } from "react";

import { send } from "../api";
import { formatRoute } from "../route";
import { home as words } from "../strings/home";
import { Button, Dialog, TextField, toastError } from "../ui/kit";
import css from "./dialogs.module.css";

/** Founds a workspace on this node, and goes there. */
export function CreateWorkspace({ onCreated, autoFocus }: { onCreated: () => void; autoFocus?: boolean }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return setProblem(words.giveName);
    setBusy(true);
    try {
      const made = await send<{ name: string }>("POST", "v1/workspaces", { name: name.trim() });
      onCreated();
      location.hash = formatRoute(made.name);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <form className={css.form} onSubmit={(event) => void submit(event)}>
      <TextField
        label={words.workspaceName}
        placeholder={words.workspacePlaceholder}
        autoFocus={autoFocus ?? false}
        value={name}
        problem={problem}
        maxLength={100}
        onChange={({ target }) => {
          setName(target.value);
          setProblem(null);
        }}
      />
      <Button type="submit" look="primary" disabled={busy}>
        {words.createWorkspace}
      </Button>
    </form>
  );
}

/** Joining needs the node's own command: what it joins is decided on the device, not by a web page. */
export function JoinWorkspace() {
  const [invite, setInvite] = useState("");
  const [copied, setCopied] = useState(false);
  const typed = invite.trim();
  const command = words.joinCommand(typed);
  return (
    <div className={css.form}>
      <p className={css.about}>{words.joinAbout}</p>
      <TextField
        label={words.invite}
        placeholder={words.invitePlaceholder}
        value={invite}
        spellCheck={false}
        problem={typed !== "" && !/^coterie1[0-9a-z]+$/.test(typed) ? words.inviteProblem : null}
        onChange={({ target }) => {
          setInvite(target.value);
          setCopied(false);
        }}
      />
      <div className={css.copyLine}>
        <code tabIndex={0} aria-label={words.command}>
          {command}
        </code>
        <Button onClick={() => void navigator.clipboard.writeText(command).then(() => setCopied(true), toastError)}>
          {copied ? words.copied : words.copy}
        </Button>
      </div>
    </div>
  );
}

interface WorkspaceDialogProps {
  /** Null: it is closed. */
  which: "create" | "join" | null;
  onClose: () => void;
  onCreated: () => void;
}

export function WorkspaceDialog({ which, onClose, onCreated }: WorkspaceDialogProps) {
  return (
    <Dialog
      open={which !== null}
      onOpen={(open) => !open && onClose()}
      title={which === "join" ? words.joinTitle : words.createWorkspace}
    >
      {which === "create" && (
        <CreateWorkspace
          autoFocus
          onCreated={() => {
            onClose();
            onCreated();
          }}
        />
      )}
      {which === "join" && <JoinWorkspace />}
    </Dialog>
  );
}
