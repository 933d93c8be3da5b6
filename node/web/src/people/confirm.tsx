import { type ReactNode, useState } from "react";

import { people } from "../strings/people";
import { Button, Dialog } from "../ui/kit";

interface ConfirmProps {
  title: string;
  about: ReactNode;
  /** What the button says that does it. */
  action: string;
  onClose: () => void;
  /** Rejects when it could not be done: the reason is shown. */
  onConfirm: () => Promise<void>;
}

/** Asks before something that cannot be undone. Shown as long as it is mounted. */
export function Confirm({ title, about, action, onClose, onConfirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onOpen={(open) => !open && onClose()}
      title={title}
      foot={
        <>
          <Button onClick={onClose}>{people.share.cancel}</Button>
          <Button look="danger" disabled={busy} onClick={() => void confirm()}>
            {action}
          </Button>
        </>
      }
    >
      <p>{about}</p>
      {problem && <p role="alert">{problem}</p>}
    </Dialog>
  );
}
