import { FileUp, LayoutGrid, UserPlus } from "lucide-react";

import type { Workspace } from "../api";
import { home as words } from "../strings/home";
import { Button } from "../ui/kit";
import { KindIcon } from "./kind_icon";
import type { Kind } from "./kinds";
import { type Template, useTemplates } from "./new_document";
import css from "./start.module.css";

const main = ["notes", "meeting", "screenplay", "markdown", "python", "text"];

interface StartProps {
  workspace: Workspace;
  mayEdit: boolean;
  /** No template: any. */
  onNew: (template?: Template) => void;
  onFiles: () => void;
  onFolder: () => void;
  /** Null: it is not for this person. */
  onShare: (() => void) | null;
}

/** What an empty workspace begins with. */
export function Start({ workspace, mayEdit, onNew, onFiles, onFolder, onShare }: StartProps) {
  const templates = useTemplates(mayEdit);
  const offered = main.flatMap((name) => templates.find((one) => one.name === name) ?? []);
  return (
    <div className={css.start}>
      <h1>{words.emptyTitle(workspace.name)}</h1>
      <p>{mayEdit ? words.emptyText : words.emptyReader}</p>
      {mayEdit && (
        <ul className={css.cards}>
          {offered.map((one) => (
            <li key={one.name}>
              <button type="button" className={css.card} onClick={() => onNew(one)}>
                <KindIcon kind={one.kind as Kind} />
                <strong>{one.title}</strong>
                <span>{words.templateAbout(one.name)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {mayEdit && (
        <div className={css.more}>
          <Button onClick={() => onNew()}>
            <LayoutGrid aria-hidden="true" /> {words.moreTemplates}
          </Button>
        </div>
      )}
      <div className={css.ways}>
        {mayEdit && (
          <section aria-label={words.bringFiles}>
            <h2>
              <FileUp aria-hidden="true" /> {words.bringFiles}
            </h2>
            <p>{words.bringFilesText}</p>
            <div className={css.buttons}>
              <Button onClick={onFiles}>{words.chooseFiles}</Button>
              <Button onClick={onFolder}>{words.chooseFolder}</Button>
            </div>
          </section>
        )}
        {onShare && (
          <section aria-label={words.inviteTitle}>
            <h2>
              <UserPlus aria-hidden="true" /> {words.inviteTitle}
            </h2>
            <p>{words.inviteText}</p>
            <div className={css.buttons}>
              <Button onClick={onShare}>{words.share}</Button>
            </div>
          </section>
        )}
      </div>
    </div>
  );
}
