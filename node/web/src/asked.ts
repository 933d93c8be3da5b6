// What several parts of the page ask the node for again and again: asked once, while the page is seen.

import { useCallback, useSyncExternalStore } from "react";

import { ask } from "./api";

export interface AskedState<T> {
  /** The last good answer, kept while later ones fail; the same object while nothing changed. */
  value: T | null;
  /** Why the last attempt failed, for people; null after a good one. */
  error: string | null;
  /** The error's stable name. */
  code: string | null;
}

const empty: AskedState<never> = { value: null, error: null, code: null };

class Asked {
  state: AskedState<unknown> = empty;
  #listeners = new Map<() => void, number>();
  #etag: string | null = null;
  #asking = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly path: string) {}

  subscribe(listener: () => void, everyMs: number): () => void {
    this.#listeners.set(listener, everyMs);
    if (this.#listeners.size === 1) document.addEventListener("visibilitychange", this.#onVisible);
    void this.ask();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      document.removeEventListener("visibilitychange", this.#onVisible);
    };
  }

  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    // An answer that is under way may be older than what it is asked for now.
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    try {
      const headers: HeadersInit = this.#etag === null ? {} : { "if-none-match": this.#etag };
      const { value, etag, unchanged } = await ask<unknown>(this.path, { headers });
      this.#etag = etag;
      if (!unchanged) this.#set({ value, error: null, code: null });
      else if (this.state.error !== null) this.#set({ value: this.state.value, error: null, code: null });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const code = (error as { code?: string }).code ?? null;
      this.#set({ value: this.state.value, error: text, code });
    } finally {
      this.#asking = false;
    }
    if (this.#again) return this.ask();
    if (this.#listeners.size === 0 || document.visibilityState !== "visible") return;
    this.#timer = setTimeout(() => void this.ask(), Math.min(...this.#listeners.values()));
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

function asked(path: string): Asked {
  const known = all.get(path) ?? new Asked(path);
  all.set(path, known);
  return known;
}

/** Asks for `path` now, every `everyMs`, and when the tab comes back to the front. A null one asks nothing. */
export function useAsked<T>(path: string | null, everyMs: number): AskedState<T> & { refresh: () => Promise<void> } {
  const subscribe = useCallback(
    (listener: () => void) => (path === null ? () => {} : asked(path).subscribe(listener, everyMs)),
    [path, everyMs],
  );
  const state = useSyncExternalStore(subscribe, () => (path === null ? empty : asked(path).state));
  const refresh = useCallback(async () => {
    if (path !== null) await asked(path).ask();
  }, [path]);
  return { ...(state as AskedState<T>), refresh };
}
