// Naming a version and restoring one: what both the timeline and the compared versions offer.

import { type ReactNode, useEffect, useState } from "react";

import { versions as strings } from "../strings/versions";
import { Button, Dialog, TextField, toast, toastError } from "../ui/kit";
import { listVersions, nameVersion, previewRestore, type Restored, restoreVersion, unnameVersion } from "./api";
import css from "./dialogs.module.css";
import { labelOf, stamp } from "./labels";
import { type Entry, now } from "./timeline";

const nameCharactersMax = 80;

export interface VersionActions {
  name: (entry: Entry) => void;
  removeName: (entry: Entry) => void;
  restore: (entry: Entry) => void;
  /** What is asked at the moment; to be rendered. */
  dialog: ReactNode;
}

/** `onChanged`: the versions are others now. `onRestored`: so is the document. */
export function useVersionActions(document: string, onChanged: () => void, onRestored: () => void): VersionActions {
  const [asked, setAsked] = useState<{ what: "name" | "restore"; entry: Entry } | null>(null);
  const close = () => setAsked(null);
  return {
    name: (entry) => setAsked({ what: "name", entry }),
    restore: (entry) => setAsked({ what: "restore", entry }),
    removeName: (entry) => {
      unnameVersion(document, entry.name ?? entry.at).then(({ before }) => {
        toast(strings.nameRemoved(before));
        onChanged();
      }, toastError);
    },
    dialog:
      asked &&
      (asked.what === "name" ? (
        <NameDialog document={document} entry={asked.entry} onClose={close} onNamed={onChanged} />
      ) : (
        <RestoreDialog document={document} entry={asked.entry} onClose={close} onChanged={onChanged} onRestored={onRestored} />
      )),
  };
}

interface NameDialogProps {
  document: string;
  entry: Entry;
  onClose: () => void;
  onNamed: () => void;
}

function NameDialog({ document, entry, onClose, onNamed }: NameDialogProps) {
  const [name, setName] = useState(entry.name ?? "");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const save = async () => {
    const wanted = name.trim();
    if (wanted === entry.name) return onClose();
    if (!wanted || Array.from(wanted).length > nameCharactersMax) return setProblem(strings.nameEmpty);
    setBusy(true);
    try {
      await nameVersion(document, entry.at, wanted);
      toast(strings.nameSaved(wanted));
      onNamed();
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpen={onClose}
      title={entry.name === null ? strings.nameTitle : strings.renameTitle}
      about={strings.nameAbout}
      foot={
        <>
          <Button onClick={onClose}>{strings.cancel}</Button>
          <Button look="primary" disabled={busy} onClick={() => void save()}>
            {strings.save}
          </Button>
        </>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <TextField
          label={strings.nameLabel}
          value={name}
          maxLength={2 * nameCharactersMax}
          autoFocus
          problem={problem}
          onChange={(event) => {
            setName(event.target.value);
            setProblem(null);
          }}
        />
      </form>
    </Dialog>
  );
}

interface RestoreDialogProps {
  document: string;
  entry: Entry;
  onClose: () => void;
  onChanged: () => void;
  onRestored: () => void;
}

type Preview = { state: "asking" } | { state: "known"; preview: Restored } | { state: "failed"; why: string };

/** What the document is now, as something to come back to; null: nothing of it is kept. */
async function newest(document: string): Promise<{ at: string | null; named: boolean }> {
  const listed = await listVersions(document, 10, null);
  const versions = listed?.answer.versions ?? [];
  const current = versions.find((one) => one.kind === "automatic" && one.current);
  // To name it again would take that name away.
  return { at: current?.id ?? null, named: versions.some(({ kind, time }) => kind === "named" && time === current?.time) };
}

function RestoreDialog({ document, entry, onClose, onChanged, onRestored }: RestoreDialogProps) {
  const [preview, setPreview] = useState<Preview>({ state: "asking" });
  const [keep, setKeep] = useState(true);
  const [busy, setBusy] = useState(false);
  const label = labelOf(entry);

  useEffect(() => {
    let current = true;
    previewRestore(document, entry.at).then(
      (known) => current && setPreview({ state: "known", preview: known }),
      (error: unknown) => current && setPreview({ state: "failed", why: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      current = false;
    };
  }, [document, entry.at]);

  const same = preview.state === "known" && preview.preview.removed + preview.preview.restored === 0;

  const restore = async () => {
    setBusy(true);
    try {
      const before = await newest(document);
      // Else what it is now may become part of one version with what is written next.
      if (keep && !before.named) await nameVersion(document, now, strings.keptName(stamp(Date.now()))).catch(toastError);
      await restoreVersion(document, entry.at);
      const undo = (at: string) => {
        restoreVersion(document, at).then(() => {
          toast(strings.undone);
          onChanged();
        }, toastError);
      };
      const { at } = before;
      toast(strings.restored(label), at === null ? undefined : { label: strings.undo, run: () => undo(at) });
      onClose();
      onRestored();
      onChanged();
    } catch (error) {
      toastError(error);
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpen={onClose}
      title={strings.restoreTitle}
      about={strings.restoreAbout(label)}
      foot={
        <>
          <Button autoFocus onClick={onClose}>
            {strings.cancel}
          </Button>
          <Button look="primary" disabled={busy || same || preview.state !== "known"} onClick={() => void restore()}>
            {busy ? strings.restoring : strings.restoreNow}
          </Button>
        </>
      }
    >
      <div className={css.preview} aria-live="polite">
        {preview.state === "asking" && <p>{strings.restorePreview}</p>}
        {preview.state === "failed" && <p role="alert">{preview.why}</p>}
        {same && <p>{strings.restoreSame}</p>}
        {preview.state === "known" && !same && <Figures preview={preview.preview} />}
      </div>
      {preview.state === "known" && !same && (
        <label className={css.keep}>
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.target.checked)} />
          {strings.keepName}
        </label>
      )}
    </Dialog>
  );
}

function Figures({ preview: { removed, restored, before, after } }: { preview: Restored }) {
  return (
    <>
      <p>
        {[removed > 0 ? strings.restoreOut(removed) : "", restored > 0 ? strings.restoreBack(restored) : ""].filter(Boolean).join(" ")}
      </p>
      {(before || after) && (
        <dl className={css.excerpts}>
          <dt>{strings.restoreBefore}</dt>
          <dd tabIndex={0} data-side="removed">{before || strings.restoreNothing}</dd>
          <dt>{strings.restoreAfter}</dt>
          <dd tabIndex={0} data-side="added">{after || strings.restoreNothing}</dd>
        </dl>
      )}
    </>
  );
}
