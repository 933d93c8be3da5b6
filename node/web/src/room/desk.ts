// What one works at in the comments of a document: which is looked at, which is being written.

import type { EditorSelection } from "../editor/handle";

export interface Draft {
  selection: EditorSelection;
  /** It says what should stand there instead. */
  suggest: boolean;
}

export interface DeskState {
  /** The comment that is looked at. */
  active: string | null;
  draft: Draft | null;
  /** Open comments, or those that are done. */
  filter: "open" | "done";
  /** Cards are shown beside the text: the panel is not needed for them. */
  margin: boolean;
}

const empty: DeskState = { active: null, draft: null, filter: "open", margin: false };

export class CommentDesk {
  private state: DeskState = empty;
  private readonly listeners = new Set<() => void>();

  /** Shape of useSyncExternalStore. */
  readonly view = (): DeskState => this.state;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  set(change: Partial<DeskState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
