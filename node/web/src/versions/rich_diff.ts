// Two versions of rich text, block beside block, and the words in which two blocks differ.

import { diffArrays, diffWordsWithSpace } from "diff";

export interface Block {
  /** Equal for blocks that are the same in everything. */
  key: string;
  text: string;
}

export type RowKind = "same" | "added" | "removed" | "changed" | "format";

/** Indices of blocks that stand beside each other; null: none on that side. */
export interface Row {
  kind: RowKind;
  before: number | null;
  after: number | null;
}

/** From which share of common words on two blocks are one that was changed. */
const alikeFrom = 0.4;
/** Beyond so many comparisons blocks are paired in their order. */
const comparisonsMax = 40_000;

const wordsOf = (text: string) => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];

/** How much of the words two texts share, from 0 to 1. */
export function similarity(one: string, other: string): number {
  if (one === other) return 1;
  const words = wordsOf(one);
  const others = wordsOf(other);
  if (words.length + others.length === 0) return 1;
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of others) {
    const left = counts.get(word) ?? 0;
    if (left === 0) continue;
    counts.set(word, left - 1);
    common++;
  }
  return (2 * common) / (words.length + others.length);
}

/** Pairs of [index in `before`, index in `after`], ascending in both, that are most alike together. */
function pairs(before: readonly Block[], after: readonly Block[]): [number, number][] {
  if (before.length * after.length > comparisonsMax) {
    return Array.from({ length: Math.min(before.length, after.length) }, (_, index) => [index, index]);
  }
  const width = after.length + 1;
  const best = new Float64Array((before.length + 1) * width);
  const score = new Float64Array(before.length * after.length);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const alike = similarity((before[i] as Block).text, (after[j] as Block).text);
      score[i * after.length + j] = alike;
      const together = alike >= alikeFrom ? alike + (best[(i + 1) * width + j + 1] as number) : -1;
      best[i * width + j] = Math.max(together, best[(i + 1) * width + j] as number, best[i * width + j + 1] as number);
    }
  }
  const out: [number, number][] = [];
  for (let i = 0, j = 0; i < before.length && j < after.length; ) {
    const here = best[i * width + j] as number;
    const alike = score[i * after.length + j] as number;
    if (alike >= alikeFrom && here === alike + (best[(i + 1) * width + j + 1] as number)) out.push([i++, j++]);
    else if (here === best[(i + 1) * width + j]) i++;
    else j++;
  }
  return out;
}

/** All blocks of both, aligned. */
export function align(before: readonly Block[], after: readonly Block[]): Row[] {
  const rows: Row[] = [];
  const differing = (fromBefore: number, toBefore: number, fromAfter: number, toAfter: number) => {
    let i = fromBefore;
    let j = fromAfter;
    const alone = (untilBefore: number, untilAfter: number) => {
      for (; i < untilBefore; i++) rows.push({ kind: "removed", before: i, after: null });
      for (; j < untilAfter; j++) rows.push({ kind: "added", before: null, after: j });
    };
    for (const [a, b] of pairs(before.slice(fromBefore, toBefore), after.slice(fromAfter, toAfter))) {
      alone(fromBefore + a, fromAfter + b);
      const same = (before[i] as Block).text === (after[j] as Block).text;
      rows.push({ kind: same ? "format" : "changed", before: i++, after: j++ });
    }
    alone(toBefore, toAfter);
  };
  let i = 0;
  let j = 0;
  let gone = 0;
  let come = 0;
  const settle = () => {
    differing(i, i + gone, j, j + come);
    i += gone;
    j += come;
    gone = come = 0;
  };
  const keys = (blocks: readonly Block[]) => blocks.map(({ key }) => key);
  for (const { added, removed, count } of diffArrays(keys(before), keys(after))) {
    if (removed) gone += count;
    else if (added) come += count;
    else {
      settle();
      for (let n = 0; n < count; n++) rows.push({ kind: "same", before: i++, after: j++ });
    }
  }
  settle();
  return rows;
}

export interface Span {
  from: number;
  to: number;
}

/** What of each text the other has not, in UTF-16 units, by whole words. */
export function wordChanges(before: string, after: string): { before: Span[]; after: Span[] } {
  const out = { before: [] as Span[], after: [] as Span[] };
  const at = { before: 0, after: 0 };
  /** What is equal and stands between two changes; marked as well if it is only a gap. */
  let gap: string | null = null;
  const mark = (side: "before" | "after", length: number) => {
    const last = out[side].at(-1);
    const from = at[side];
    at[side] += length;
    if (last && gap !== null && gap.trim() === "" && last.to + gap.length === from) last.to = at[side];
    else if (last && last.to === from) last.to = at[side];
    else out[side].push({ from, to: at[side] });
  };
  for (const { added, removed, value } of diffWordsWithSpace(before, after)) {
    if (removed) mark("before", value.length);
    else if (added) mark("after", value.length);
    else {
      gap = value;
      at.before += value.length;
      at.after += value.length;
    }
  }
  return out;
}
