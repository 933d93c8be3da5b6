import { useCallback, useEffect, useRef, useState } from "react";

export interface Polled<T> {
  /** The last good answer; kept while later ones fail. */
  value: T | null;
  /** Why the last attempt failed, for people; null after a good one. */
  error: string | null;
  refresh: () => void;
}

/**
 * Asks `load` now, every `intervalMs` and when the tab comes back to the front; not while it is
 * hidden. `key` says what is asked for: when it changes, answers to the old question are dropped.
 * A null `key` asks nothing.
 */
export function usePolled<T>(key: string | null, intervalMs: number, load: () => Promise<T>): Polled<T> {
  const [answer, setAnswer] = useState<{ key: string | null; value: T | null; error: string | null }>({
    key,
    value: null,
    error: null,
  });
  const loadRef = useRef(load);
  loadRef.current = load;
  const askRef = useRef(() => {});

  useEffect(() => {
    if (key === null) return;
    let stopped = false;
    let asking = false;
    const ask = async () => {
      if (asking || stopped) return;
      asking = true;
      try {
        const value = await loadRef.current();
        if (!stopped) setAnswer({ key, value, error: null });
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        const keep = (before: typeof answer) => (before.key === key ? before.value : null);
        if (!stopped) setAnswer((before) => ({ key, value: keep(before), error: text }));
      } finally {
        asking = false;
      }
    };
    const askIfVisible = () => {
      if (document.visibilityState === "visible") void ask();
    };
    askRef.current = () => void ask();
    void ask();
    const timer = setInterval(askIfVisible, intervalMs);
    document.addEventListener("visibilitychange", askIfVisible);
    return () => {
      stopped = true;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", askIfVisible);
    };
  }, [key, intervalMs]);

  const refresh = useCallback(() => askRef.current(), []);
  const current = answer.key === key ? answer : { value: null, error: null };
  return { value: current.value, error: current.error, refresh };
}
