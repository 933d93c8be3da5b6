// Who wrote which characters of the open document, kept in step with it while it is shown.

import { useEffect, useRef, useState } from "react";
import * as Y from "yjs";

import { useOpenDocument } from "../shell/open_document";
import { richRoot, textRoot } from "../sync";
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

/** What an answer says of one text. */
export interface Reading {
  path: BlameRange["path"];
  text: string;
  ranges: Range<string>[];
}

/** What of an answer is about the texts of `root`, by device. */
export function readingsOf(answered: readonly BlameRange[], root: string): Reading[] {
  const readings = new Map<string, Reading>();
  for (const { path, index, length, text, by } of answered) {
    if (path[0] !== root) continue;
    const key = path.join();
    const reading = readings.get(key) ?? { path, text: "", ranges: [] };
    readings.set(key, reading);
    // Embedded values have a place but no text.
    reading.text = reading.text.padEnd(index, "\ufffc") + text;
    if (by) reading.ranges.push({ from: index, to: index + length, by: by.device });
  }
  return Array.from(readings.values());
}

/** The text of `doc` where the node says that it is; null: something else is there now. */
export function textAt(doc: Y.Doc, [root, ...way]: BlameRange["path"]): Y.Text | null {
  if (root === textRoot) return way.length === 0 ? doc.getText(textRoot) : null;
  let at: unknown = root === richRoot ? doc.getXmlFragment(richRoot) : null;
  for (const step of way) at = at instanceof Y.XmlFragment && typeof step === "number" ? at.get(step) : null;
  return at instanceof Y.XmlText ? at : null;
}

/** As the node has it: what is embedded counts as one character. */
const plain = (text: Y.Text): string =>
  (text.toDelta() as { insert: unknown }[]).map(({ insert }) => (typeof insert === "string" ? insert : "\ufffc")).join("");

type Known = Map<Y.Text, Range<string>[]>;

/** What is known after an answer: the texts may have changed since the node looked, or it has not seen all of it yet. */
export function combined(doc: Y.Doc, readings: readonly Reading[], before: Known | null, own: string | null): Known {
  const known: Known = new Map();
  for (const { path, text: there, ranges } of readings) {
    const text = textAt(doc, path);
    if (!text) continue;
    const here = plain(text);
    // At that place there may be another paragraph by now; what was known of this one was kept in step.
    if (here !== there && text instanceof Y.XmlText) known.set(text, before?.get(text) ?? []);
    else known.set(text, shift(ranges, deltaBetween(there, here), own));
  }
  return known;
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
    if (!on || document === null || !editor) {
      setShown({ state: "off" });
      return;
    }
    setShown({ state: "loading" });
    let ended = false;
    let known: Known | null = null;
    let writers = new Writers({ names: {}, persons: {} });
    let editedAt = 0;
    let askTimer: ReturnType<typeof setTimeout> | undefined;
    let drawTimer: ReturnType<typeof setTimeout> | undefined;

    const draw = () => {
      drawTimer = undefined;
      if (!known) return;
      editor.setAuthors(
        Array.from(known).flatMap(([text, ranges]) =>
          ranges.map(({ from, to, by }) => {
            const { color, name } = writers.of(by);
            return { text, from, to, color, name };
          }),
        ),
      );
      setShown({ state: "shown", shares: sharesOf(Array.from(known.values()).flat(), writers) });
    };
    const drawSoon = () => {
      drawTimer ??= setTimeout(draw, drawEveryMs);
    };
    const ask = async () => {
      editedAt = 0;
      try {
        const answer = await blame(document);
        if (ended) return;
        writers = new Writers(answer);
        known = combined(session.doc, readingsOf(answer.ranges, rich ? richRoot : textRoot), known, own.current);
        draw();
      } catch (error) {
        if (!ended && !known) setShown({ state: "failed", why: error instanceof Error ? error.message : String(error) });
      }
    };
    const askLater = () => {
      editedAt ||= Date.now();
      clearTimeout(askTimer);
      askTimer = setTimeout(() => void ask(), Math.max(0, Math.min(afterEditMs, editedAt + atLatestMs - Date.now())));
    };
    const onText = (events: Y.YEvent<Y.AbstractType<unknown>>[], transaction: Y.Transaction) => {
      for (const { target, delta } of events) {
        if (!known || !(target instanceof Y.Text)) continue;
        known.set(target, shift(known.get(target) ?? [], delta, transaction.local ? own.current : null));
      }
      for (const text of known?.keys() ?? []) if (text._item?.deleted) known?.delete(text);
      drawSoon();
      askLater();
    };
    const shared = rich ? session.rich : session.text;
    shared.observeDeep(onText as never);
    void ask();
    return () => {
      ended = true;
      shared.unobserveDeep(onText as never);
      clearTimeout(askTimer);
      clearTimeout(drawTimer);
      editor.setAuthors(null);
    };
  }, [on, rich, document, session, editor]);

  return shown;
}
