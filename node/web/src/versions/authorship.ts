// Who wrote which characters of the open document, kept in step with it while it is shown.

import { useEffect, useRef, useState } from "react";
import type * as Y from "yjs";

import { useOpenDocument } from "../shell/open_document";
import { textRoot } from "../sync";
import { blame, type BlameRange } from "./api";
import { type Writer, Writers } from "./people";
import { deltaBetween, percents, type Range, shares, shift } from "./ranges";

/** The node reads the whole history for each answer. */
const afterEditMs = 2500;
const atLatestMs = 10_000;
const drawEveryMs = 250;

export interface Share {
  writer: Writer;
  percent: number;
}

export type Authorship =
  | { state: "off" }
  | { state: "loading" }
  | { state: "shown"; shares: Share[] }
  | { state: "failed"; why: string };

/** What of an answer is about the text that editors show, by device; and that text. */
export function rangesOf(answered: readonly BlameRange[]): { ranges: Range<string>[]; text: string } {
  const ranges: Range<string>[] = [];
  let text = "";
  for (const { path, index, length, text: part, by } of answered) {
    if (path.length !== 1 || path[0] !== textRoot) continue;
    // Embedded values have a place but no text.
    text = text.padEnd(index, "\ufffc") + part;
    if (by) ranges.push({ from: index, to: index + length, by: by.device });
  }
  return { ranges, text };
}

/** By person in place of device, most first. */
export function sharesOf(ranges: readonly Range<string>[], writers: Writers): Share[] {
  const all = shares(ranges.map(({ from, to, by }) => ({ from, to, by: writers.of(by) })));
  const whole = percents(all.map(({ characters }) => characters));
  return all.map(({ by }, index) => ({ writer: by, percent: whole[index] ?? 0 }));
}

/** Colours the text of the open document by its authors as long as it is `on`. */
export function useAuthorship(on: boolean): Authorship {
  const { info, session, editor, roomState, rich } = useOpenDocument();
  const document = info?.id ?? null;
  const own = useRef<string | null>(null);
  own.current = roomState.self?.device ?? null;
  const [shown, setShown] = useState<Authorship>({ state: "off" });

  useEffect(() => {
    if (!on || rich || document === null || !editor) {
      setShown({ state: "off" });
      return;
    }
    setShown({ state: "loading" });
    let ended = false;
    let ranges: Range<string>[] | null = null;
    let writers = new Writers({ names: {}, persons: {} });
    let editedAt = 0;
    let askTimer: ReturnType<typeof setTimeout> | undefined;
    let drawTimer: ReturnType<typeof setTimeout> | undefined;

    const draw = () => {
      drawTimer = undefined;
      if (!ranges) return;
      editor.setAuthors(
        ranges.map(({ from, to, by }) => {
          const { color, name } = writers.of(by);
          return { from, to, color, name };
        }),
      );
      setShown({ state: "shown", shares: sharesOf(ranges, writers) });
    };
    const drawSoon = () => {
      drawTimer ??= setTimeout(draw, drawEveryMs);
    };
    const ask = async () => {
      editedAt = 0;
      try {
        const answer = await blame(document);
        if (ended) return;
        const there = rangesOf(answer.ranges);
        writers = new Writers(answer);
        // The text has changed since the node looked, or the node has not seen all of it yet.
        ranges = shift(there.ranges, deltaBetween(there.text, session.text.toString()), own.current);
        draw();
      } catch (error) {
        if (!ended && !ranges) setShown({ state: "failed", why: error instanceof Error ? error.message : String(error) });
      }
    };
    const askLater = () => {
      editedAt ||= Date.now();
      clearTimeout(askTimer);
      askTimer = setTimeout(() => void ask(), Math.max(0, Math.min(afterEditMs, editedAt + atLatestMs - Date.now())));
    };
    const onText = (event: Y.YTextEvent, transaction: Y.Transaction) => {
      if (ranges) ranges = shift(ranges, event.delta, transaction.local ? own.current : null);
      drawSoon();
      askLater();
    };
    session.text.observe(onText);
    void ask();
    return () => {
      ended = true;
      session.text.unobserve(onText);
      clearTimeout(askTimer);
      clearTimeout(drawTimer);
      editor.setAuthors(null);
    };
  }, [on, rich, document, session, editor]);

  return shown;
}
