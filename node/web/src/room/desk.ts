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
  /** It is to be scrolled to. */
  reveal: string | null;
  draft: Draft | null;
  /** Open comments, or those that are done. */
  filter: "open" | "done";
  /** Cards are shown, beside the text or in the panel. */
  shown: boolean;
}

const empty: DeskState = { active: null, reveal: null, draft: null, filter: "open", shown: false };

export class CommentDesk {
  /** What was not sent yet, by the comment that it answers; "" for a new one. */
  readonly unsent = new Map<string, string>();
  private state: DeskState = empty;
  private readonly listeners = new Set<() => void>();

  /** Shape of useSyncExternalStore. */
  readonly view = (): DeskState => this.state;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Looks at a comment, wherever it is. */
  look(id: string): void {
    this.set({ active: id, reveal: id });
  }

  set(change: Partial<DeskState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
