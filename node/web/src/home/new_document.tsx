import { type FormEvent, useId, useMemo, useRef, useState } from "react";

import { createDocument, type DocumentInfo, type Workspace } from "../api";
import { useAsked } from "../asked";
import { formatRoute, pathProblem, splitPath } from "../route";
import { home as words } from "../strings/home";
import { Button, Dialog, SelectField, TextField } from "../ui/kit";
import css from "./dialogs.module.css";
import { FolderField } from "./folder_field";
import { KindIcon } from "./kind_icon";
import { type Kind, kindByName, languages } from "./kinds";
import { cleanFolder, isFileName, suggestPath } from "./naming";

export interface Template {
  name: string;
  title: string;
  kind: string;
  language: string;
}

const seldom = 10 * 60_000;

/** What documents can begin with. */
export const useTemplates = (asked: boolean): readonly Template[] =>
  useAsked<{ templates: Template[] }>(asked ? "v1/templates" : null, seldom).value?.templates ?? [];

const kinds: readonly Kind[] = ["rich", "code", "plain"];
const usualLanguage = "markdown";

interface NewDocumentDialogProps {
  workspace: Workspace;
  documents: readonly DocumentInfo[];
  folders: readonly string[];
  /** Where it is put unless somebody chooses otherwise. */
  folder: string;
  /** What it begins with unless somebody chooses otherwise. */
  template?: Template | undefined;
  open: boolean;
  onOpen: (open: boolean) => void;
}

export function NewDocumentDialog(props: NewDocumentDialogProps) {
  return (
    <Dialog open={props.open} onOpen={props.onOpen} title={words.createTitle}>
      <Form {...props} />
    </Dialog>
  );
}

/** Of a dialog that is open: begins anew each time. */
function Form({ workspace, documents, folders, folder: startFolder, template: startTemplate, onOpen }: NewDocumentDialogProps) {
  const templates = useTemplates(true);
  const [title, setTitle] = useState("");
  const [kind, setKind] = useState<Kind>((startTemplate?.kind as Kind | undefined) || "rich");
  const [language, setLanguage] = useState(startTemplate?.language || usualLanguage);
  const [templateName, setTemplateName] = useState<string | null>(startTemplate?.name ?? null);
  const [folder, setFolder] = useState(startFolder);
  const [typedName, setTypedName] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const taken = useMemo(() => new Set(documents.map(({ path }) => path)), [documents]);

  const suggested = suggestPath({ title, folder, kind, language }, taken);
  const path = typedName === null ? suggested : cleanFolder(folder) + typedName.trim();
  const offered = templates.filter((one) => one.name !== "blank" && one.kind === kind && (kind !== "code" || one.language === language));
  const template = offered.find(({ name }) => name === templateName) ?? null;

  /** What was chosen, while a name says otherwise. */
  const beforeName = useRef<{ kind: Kind; language: string } | null>(null);
  const onTitle = (typed: string) => {
    setTitle(typed);
    setProblem(null);
    // "main.py" says what it is; "main.python" does not, though "main.py" was on the way to it.
    const named = isFileName(typed) ? kindByName(typed.trim()) : null;
    beforeName.current ??= { kind, language };
    const next = named ?? beforeName.current;
    setKind(next.kind);
    if (next.language) setLanguage(next.language);
    if (!named) beforeName.current = null;
  };
  const choose = (chosen: Kind) => {
    beforeName.current = null;
    setKind(chosen);
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wrong = path === "" ? words.giveTitle : pathProblem(path);
    if (wrong) return setProblem(wrong);
    setBusy(true);
    try {
      const made = await createDocument(workspace.id, {
        path,
        kind,
        language: kind === "code" ? language : "",
        template: template?.name ?? "blank",
        // So that an editor knows the layout that the template is for.
        ...(template ? { meta: { template: template.name } } : {}),
        ...(title.trim() !== "" && title.trim() !== splitPath(path).name && !isFileName(title) ? { title: title.trim() } : {}),
      });
      onOpen(false);
      location.hash = formatRoute(workspace.name, made.path);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };

  return (
    <form className={css.form} onSubmit={(event) => void submit(event)}>
      <TextField
        label={words.title}
        autoFocus
        placeholder={words.titlePlaceholder}
        value={title}
        problem={problem}
        maxLength={200}
        onChange={({ target }) => onTitle(target.value)}
      />
      <KindChoice kind={kind} onKind={choose} />
      {kind === "code" && (
        <SelectField label={words.language} value={language} onChange={({ target }) => setLanguage(target.value)}>
          {languages.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </SelectField>
      )}
      {offered.length > 0 && (
        <SelectField
          label={words.template}
          value={template?.name ?? ""}
          hint={template && words.templateAbout(template.name)}
          onChange={({ target }) => setTemplateName(target.value)}
        >
          <option value="">{words.empty}</option>
          {offered.map(({ name, title }) => (
            <option key={name} value={name}>
              {kind === "code" ? words.templateOf(title) : title}
            </option>
          ))}
        </SelectField>
      )}
      <div className={css.pair}>
        <FolderField folder={folder} folders={folders} onFolder={setFolder} hint={null} />
        <TextField
          label={words.fileName}
          value={typedName ?? splitPath(suggested).name}
          spellCheck={false}
          onChange={({ target }) => {
            setProblem(null);
            setTypedName(target.value === "" ? null : target.value);
          }}
        />
        <p className={css.about}>{path === "" ? words.folderHint : words.willBe(path)}</p>
      </div>
      <div className={css.foot}>
        <Button onClick={() => onOpen(false)}>{words.cancel}</Button>
        <Button type="submit" look="primary" disabled={busy}>
          {busy ? words.creating : words.create}
        </Button>
      </div>
    </form>
  );
}

function KindChoice({ kind, onKind }: { kind: Kind; onKind: (kind: Kind) => void }) {
  const name = useId();
  return (
    <fieldset className={css.kinds}>
      <legend>{words.kind}</legend>
      {kinds.map((one) => (
        <label key={one} className={css.kind}>
          <input type="radio" name={name} checked={one === kind} onChange={() => onKind(one)} />
          <KindIcon kind={one} />
          <span>
            {words.kinds[one]}
            <small>{words.kindAbout[one]}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
