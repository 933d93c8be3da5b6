// What the page asks the node for again and again: once for all parts that show it, while the page is seen.

import { useCallback, useRef, useSyncExternalStore } from "react";

import { type Answer, ApiError, ask } from "./api";

export interface AskedState<T> {
  /** The last good answer, kept while later ones fail; the same object while nothing changed. */
  value: T | null;
  /** Why the last attempt failed, for people; null after a good one. */
  error: string | null;
  /** The error's stable name. */
  code: string | null;
}

const empty: AskedState<never> = { value: null, error: null, code: null };

type Load = (etag: string | null) => Promise<Answer<unknown>>;

/** Who was refused is told the same the next time, as a rule. */
const refusedEveryMs = 30_000;

export class Asked {
  state: AskedState<unknown> = empty;
  #listeners = new Map<() => void, number>();
  #etag: string | null = null;
  #asking = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onUnused`: nobody asks any more. */
  constructor(
    private readonly load: Load,
    private readonly onUnused: () => void = () => {},
  ) {}

  subscribe(listener: () => void, everyMs: number): () => void {
    this.#listeners.set(listener, everyMs);
    if (this.#listeners.size === 1) document.addEventListener("visibilitychange", this.#onVisible);
    void this.ask();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      document.removeEventListener("visibilitychange", this.#onVisible);
      this.onUnused();
    };
  }

  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    // An answer that is under way may be older than what it is asked for now.
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    try {
      const { value, etag, unchanged } = await this.load(this.#etag);
      this.#etag = etag;
      const same = unchanged || (etag === null && JSON.stringify(value) === JSON.stringify(this.state.value));
      if (!same || this.state.error !== null) this.#set({ value: same ? this.state.value : value, error: null, code: null });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const code = error instanceof ApiError ? error.code : null;
      this.#set({ value: this.state.value, error: text, code });
    } finally {
      this.#asking = false;
    }
    if (this.#again) return this.ask();
    if (this.#listeners.size === 0 || document.visibilityState !== "visible") return;
    const least = this.state.code === "unauthorized" ? refusedEveryMs : 0;
    this.#timer = setTimeout(() => void this.ask(), Math.max(least, Math.min(...this.#listeners.values())));
  }

  #onVisible = () => {
    if (document.visibilityState === "visible") void this.ask();
  };

  #set(state: AskedState<unknown>): void {
    this.state = state;
    for (const listener of this.#listeners.keys()) listener();
  }
}

const all = new Map<string, Asked>();

export type Polled<T> = AskedState<T> & { refresh: () => Promise<void> };

function useShared<T>(key: string | null, everyMs: number, find: (key: string) => Asked): Polled<T> {
  const subscribe = useCallback(
    (listener: () => void) => (key === null ? () => {} : find(key).subscribe(listener, everyMs)),
    [key, everyMs, find],
  );
  const state = useSyncExternalStore(subscribe, () => (key === null ? empty : (all.get(key)?.state ?? empty)));
  const refresh = useCallback(async () => {
    if (key !== null) await find(key).ask();
  }, [key, find]);
  return { ...(state as AskedState<T>), refresh };
}

function atPath(path: string): Asked {
  const load: Load = (etag) => ask(path, { headers: etag === null ? {} : { "if-none-match": etag } });
  const known = all.get(path) ?? new Asked(load);
  all.set(path, known);
  return known;
}

/** Asks for `path` now, every `everyMs`, and when the tab comes back to the front. A null one asks nothing. */
export const useAsked = <T>(path: string | null, everyMs: number): Polled<T> => useShared(path, everyMs, atPath);

/**
 * The same of what takes more than one request. `key` says what is asked for; the answer is forgotten with
 * the last part that shows it.
 */
export function usePolled<T>(key: string | null, everyMs: number, load: () => Promise<T>): Polled<T> {
  const latest = useRef(load);
  latest.current = load;
  const find = useCallback((wanted: string) => {
    const made = () => new Asked(async () => ({ value: await latest.current(), etag: null, unchanged: false }), () => void all.delete(wanted));
    const known = all.get(wanted) ?? made();
    all.set(wanted, known);
    return known;
  }, []);
  return useShared(key, everyMs, find);
}
