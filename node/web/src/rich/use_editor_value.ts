// What of an editor a part of the page shows.

import type { Editor } from "@tiptap/core";
import { useCallback, useRef, useSyncExternalStore } from "react";

/** Calls `then` when the frame that is being made has been painted. */
function afterPaint(then: () => void): void {
  requestAnimationFrame(() => setTimeout(then));
}

/**
 * What `select` finds, looked at after the frame that shows a change: a key does not wait for what it
 * means to a toolbar. Rendered anew only if it is something else, by its JSON.
 */
export function useEditorValue<Value>(editor: Editor, select: () => Value): Value {
  const last = useRef<{ editor: Editor; json: string; value: Value } | null>(null);
  const selector = useRef(select);
  selector.current = select;
  const look = useCallback((): Value => {
    const value = selector.current();
    const json = JSON.stringify(value);
    if (last.current?.editor !== editor || last.current.json !== json) last.current = { editor, json, value };
    return last.current.value;
  }, [editor]);
  const subscribe = useCallback(
    (changed: () => void) => {
      let waiting = false;
      let ended = false;
      const later = () => {
        if (waiting) return;
        waiting = true;
        afterPaint(() => {
          waiting = false;
          if (ended || editor.isDestroyed) return;
          const before = last.current?.value;
          if (look() !== before) changed();
        });
      };
      editor.on("transaction", later);
      return () => {
        ended = true;
        editor.off("transaction", later);
      };
    },
    [editor, look],
  );
  return useSyncExternalStore(subscribe, look);
}
