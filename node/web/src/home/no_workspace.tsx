import { home as words } from "../strings/home";
import { CreateWorkspace, JoinWorkspace } from "./join";
import css from "./start.module.css";

/** The first page of a new node. */
export function NoWorkspace({ onChanged }: { onChanged: () => void }) {
  return (
    <main className={css.first}>
      <img src="./icon.svg" alt="" width="48" height="48" />
      <h1>{words.noWorkspaceTitle}</h1>
      <p>{words.noWorkspaceText}</p>
      <div className={css.ways}>
        <section aria-label={words.createWorkspace}>
          <h2>{words.createWorkspace}</h2>
          <CreateWorkspace onCreated={onChanged} autoFocus />
        </section>
        <section aria-label={words.joinTitle}>
          <h2>{words.joinTitle}</h2>
          <JoinWorkspace />
        </section>
      </div>
    </main>
  );
}
