import { useCallback, useEffect, useRef, useState } from "react";

import { inWorkspace, request } from "../api";

export interface Hit {
  id: string;
  path: string;
  title: string;
  where: "title" | "path" | "content";
  line: number;
  snippet: string;
}

interface Page {
  hits: Hit[];
  next: string | null;
}

export interface Found {
  hits: readonly Hit[];
  loading: boolean;
  /** There may be more. */
  more: boolean;
  error: string | null;
}

const nothing: Found = { hits: [], loading: false, more: false, error: null };
const typingPauseMs = 180;
const pageHits = 40;

/** What documents' texts say of `query`, page by page. */
export function useSearch(workspace: string, query: string): Found & { loadMore: () => void } {
  const [found, setFound] = useState(nothing);
  // Of the search that counts now; an answer to an older one is dropped.
  const current = useRef({ next: null as string | null, busy: false, stopped: true });

  const load = useCallback(
    async (search: { next: string | null; busy: boolean; stopped: boolean }, text: string) => {
      search.busy = true;
      setFound((before) => ({ ...before, loading: true, error: null }));
      try {
        // A page may have nothing while later ones have.
        for (let hits = 0; hits === 0; ) {
          const asked = new URLSearchParams({ text, limit: String(pageHits), ...(search.next === null ? {} : { cursor: search.next }) });
          // The node takes "+" for what it is.
          const page = await request<Page>(inWorkspace(workspace, `search?${asked.toString().replaceAll("+", "%20")}`));
          if (search.stopped) return;
          const more = page.hits.filter(({ where }) => where === "content");
          hits = more.length;
          search.next = page.next;
          const ended = page.next === null;
          setFound((before) => ({ hits: [...before.hits, ...more], loading: !ended && hits === 0, more: !ended, error: null }));
          if (ended) return;
        }
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        if (!search.stopped) setFound((before) => ({ ...before, loading: false, more: false, error: why }));
      } finally {
        search.busy = false;
      }
    },
    [workspace],
  );

  const text = query.trim();
  useEffect(() => {
    const search = { next: null, busy: false, stopped: false };
    current.current = search;
    setFound(text === "" ? nothing : { ...nothing, loading: true });
    const timer = text === "" ? undefined : setTimeout(() => void load(search, text), typingPauseMs);
    return () => {
      clearTimeout(timer);
      search.stopped = true;
    };
  }, [text, load]);

  const loadMore = useCallback(() => {
    const search = current.current;
    if (!search.busy && !search.stopped && search.next !== null) void load(search, text);
  }, [load, text]);
  return { ...found, loadMore };
}
