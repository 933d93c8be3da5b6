// What was in a version; of the current one, what the page itself holds, as it changes.

import { useCallback, useEffect, useState } from "react";

import type { Session } from "../sync";
import { readVersion } from "./api";
import { now } from "./timeline";

export interface Content {
  at: string;
  text: string;
  /** A Yjs update in hexadecimal; null: of what is now, the session's document. */
  update: string | null;
}

export interface Loaded {
  content: Content | null;
  error: string | null;
  retry: () => void;
}

const liveEveryMs = 500;
const keptMax = 12;
/** Versions do not change: the ones that were read last, by document and id. */
const kept = new Map<string, Content>();

async function load(document: string, at: string): Promise<Content> {
  const key = `${document} ${at}`;
  const known = kept.get(key);
  if (known) return known;
  const { text, update } = await readVersion(document, at);
  const content = { at, text, update };
  kept.set(key, content);
  for (const oldest of kept.keys()) {
    if (kept.size <= keptMax) break;
    kept.delete(oldest);
  }
  return content;
}

/** Of no version (null), nothing. */
export function useContent(document: string, at: string | null, session: Session): Loaded {
  const [found, setFound] = useState<{ at: string | null; content: Content | null; error: string | null }>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (at === null) return;
    if (at === now) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const read = () => {
        timer = undefined;
        setFound({ at, content: { at, text: session.text.toString(), update: null }, error: null });
      };
      const onUpdate = () => (timer ??= setTimeout(read, liveEveryMs));
      read();
      session.doc.on("update", onUpdate);
      return () => {
        session.doc.off("update", onUpdate);
        clearTimeout(timer);
      };
    }
    let current = true;
    load(document, at).then(
      (content) => current && setFound({ at, content, error: null }),
      (error: unknown) =>
        current && setFound({ at, content: null, error: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      current = false;
    };
  }, [document, at, session, attempt]);

  const retry = useCallback(() => {
    setFound(undefined);
    setAttempt((before) => before + 1);
  }, []);
  const answer = found?.at === at ? found : undefined;
  return { content: answer?.content ?? null, error: answer?.error ?? null, retry };
}
