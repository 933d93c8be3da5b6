import { useCallback, useSyncExternalStore } from "react";

import { ApiError, getMembers, type Member } from "../api";

const everyMs = 30_000;
const nobody: readonly Member[] = [];

/** Of one workspace, asked for once for all who show them, as long as anybody does. */
class Members {
  private members = nobody;
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly workspace: string) {}

  readonly view = () => this.members;
  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) {
      this.ask();
      this.timer = setInterval(() => document.visibilityState === "visible" && this.ask(), everyMs);
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) clearInterval(this.timer);
    };
  };

  private ask(): void {
    getMembers(this.workspace).then(
      (members) => {
        if (JSON.stringify(members) === JSON.stringify(this.members)) return;
        this.members = members;
        for (const listener of this.listeners) listener();
      },
      // A guest of one document may not see them: nobody is offered then.
      (error: unknown) => {
        if (!(error instanceof ApiError && error.code === "unreachable")) clearInterval(this.timer);
      },
    );
  }
}

const all = new Map<string, Members>();

/** The devices of a workspace; empty until they are known. */
export function useMembers(workspace: string): readonly Member[] {
  const find = useCallback(() => {
    const found = all.get(workspace) ?? new Members(workspace);
    all.set(workspace, found);
    return found;
  }, [workspace]);
  return useSyncExternalStore(find().subscribe, find().view);
}
