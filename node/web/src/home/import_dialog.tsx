import { CircleAlert, CircleCheck, CircleDashed } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";

import type { DocumentInfo, Workspace } from "../api";
import { useAsked } from "../asked";
import { fileSize, home as words } from "../strings/home";
import { Button, Dialog } from "../ui/kit";
import css from "./dialogs.module.css";
import { FolderField } from "./folder_field";
import { planImport, type Planned, usualLimits } from "./import_plan";
import { type BroughtFile, type Outcome, runImport } from "./import_run";
import { languageTitle } from "./kinds";

const seldom = 10 * 60_000;
/** Of more, the rest is counted. */
const linesMax = 300;

interface ImportDialogProps {
  workspace: Workspace;
  documents: readonly DocumentInfo[];
  folders: readonly string[];
  folder: string;
  /** Null: it is closed. */
  files: readonly BroughtFile[] | null;
  onClose: () => void;
  /** Some were made. */
  onImported: () => void;
}

export function ImportDialog(props: ImportDialogProps) {
  return (
    <Dialog
      open={props.files !== null}
      onOpen={(open) => !open && props.onClose()}
      title={words.import.title}
      about={props.files && props.files.length > 0 ? words.import.about(props.files.length) : words.import.nothing}
    >
      {props.files && <Inside {...props} files={props.files} />}
    </Dialog>
  );
}

type Phase = "choosing" | "running" | "ended";

function Inside({ workspace, documents, folders, folder: startFolder, files, onClose, onImported }: ImportDialogProps & { files: readonly BroughtFile[] }) {
  const limits = useAsked<{ limits: Record<string, number> }>("v1/capabilities", seldom).value?.limits;
  const [folder, setFolder] = useState(startFolder);
  const [phase, setPhase] = useState<Phase>("choosing");
  const [outcomes, setOutcomes] = useState<ReadonlyMap<number, Outcome>>(new Map());
  const stopped = useRef(false);
  // Where everything was to go when it began: the list of documents grows meanwhile.
  const [begun, setBegun] = useState<readonly Planned[] | null>(null);

  const planned = useMemo(
    () =>
      planImport(files, {
        folder,
        taken: new Set(documents.map(({ path }) => path)),
        limits: {
          textBytes: limits?.["text_bytes"] ?? usualLimits.textBytes,
          updateBytes: limits?.["update_bytes"] ?? usualLimits.updateBytes,
        },
      }),
    [files, folder, documents, limits],
  );
  const plans = begun ?? planned;
  const wanted = plans.filter(({ what }) => what !== "refused").length;
  const done = [...outcomes.values()].filter((one) => one.done).length;

  useEffect(() => () => void (stopped.current = true), []);

  const start = async () => {
    stopped.current = false;
    setBegun(planned);
    setPhase("running");
    await runImport(workspace.id, files, planned, {
      onOutcome: (index, outcome) => setOutcomes((before) => new Map(before).set(index, outcome)),
      stopped: () => stopped.current,
    });
    setPhase("ended");
    onImported();
  };

  const failed = plans.length - done;
  return (
    <div className={css.form}>
      {phase === "choosing" && files.length > 0 && <FolderField folder={folder} folders={folders} onFolder={setFolder} />}
      {phase !== "choosing" && (
        <div className={css.progress}>
          <progress aria-label={words.import.progressLabel} max={plans.length} value={outcomes.size} />
          <p role="status">
            {phase === "running" ? words.import.progress(outcomes.size, plans.length) : words.import.finished(done, failed)}
          </p>
        </div>
      )}
      {files.length > 0 && (
        <ul className={css.files} tabIndex={0} aria-label={words.import.about(files.length)}>
          {plans.slice(0, linesMax).map((plan, index) => (
            <FileLine key={plan.file} file={files[plan.file] as BroughtFile} plan={plan} outcome={outcomes.get(index) ?? null} />
          ))}
          {plans.length > linesMax && <li className={css.file}>{words.import.more(plans.length - linesMax)}</li>}
        </ul>
      )}
      <div className={css.foot}>
        {phase === "choosing" && <Button onClick={onClose}>{files.length > 0 ? words.cancel : words.import.close}</Button>}
        {phase === "choosing" && files.length > 0 && (
          <Button look="primary" autoFocus disabled={wanted === 0} onClick={() => void start()}>
            {words.import.start(wanted)}
          </Button>
        )}
        {phase === "running" && <Button onClick={() => (stopped.current = true)}>{words.import.stop}</Button>}
        {phase === "ended" && (
          <Button look="primary" onClick={onClose}>
            {words.import.close}
          </Button>
        )}
      </div>
    </div>
  );
}

function FileLine({ file, plan, outcome }: { file: BroughtFile; plan: Planned; outcome: Outcome | null }) {
  const reason = plan.what === "refused" ? plan.reason : outcome && !outcome.done ? outcome.reason : null;
  const state = reason !== null ? "failed" : outcome ? "done" : "waiting";
  return (
    <li className={css.file} data-state={state}>
      {state === "failed" ? <CircleAlert aria-hidden="true" /> : state === "done" ? <CircleCheck aria-hidden="true" /> : <CircleDashed aria-hidden="true" />}
      <span className={css.fileName} title={file.path}>
        {file.path}
      </span>
      <span className={css.fileAbout}>
        {reason ?? becomes(plan, outcome)}
        {state === "done" && <span className="visually-hidden"> {words.import.doneOne}</span>}
      </span>
      <span className={css.fileSize}>{fileSize(file.size)}</span>
    </li>
  );
}

function becomes(plan: Planned, outcome: Outcome | null): string {
  if (plan.what === "refused") return plan.reason;
  const path = outcome?.done ? outcome.path : plan.path;
  if (plan.renamed || path !== plan.path) return words.import.willRename(path);
  if (plan.what === "update") return words.import.update;
  return plan.kind === "code" ? languageTitle(plan.language) : words.kinds[plan.kind];
}
