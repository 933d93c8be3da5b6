// What of the history is looked at, over the editor: shared by the panel and by what lies over the editor.

import { useCallback, useSyncExternalStore } from "react";
import type * as Y from "yjs";

export interface Look {
  /** "now" or a version's id. */
  at: string;
  /** Another version that it is compared with; null: it is only read. */
  base: string | null;
}

const looks = new WeakMap<Y.Doc, Look>();
const listeners = new Set<() => void>();

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** Null: the document is edited as ever. */
export function useLook(doc: Y.Doc): [Look | null, (look: Look | null) => void] {
  const look = useSyncExternalStore(subscribe, () => looks.get(doc) ?? null);
  const set = useCallback(
    (next: Look | null) => {
      if (next) looks.set(doc, next);
      else looks.delete(doc);
      for (const listener of listeners) listener();
    },
    [doc],
  );
  return [look, set];
}
