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

/** How often each word is in a text. */
type Words = ReadonlyMap<string, number>;

function wordsOf(text: string): Words {
  const counts = new Map<string, number>();
  for (const word of text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

const sum = (words: Words) => Array.from(words.values()).reduce((all, count) => all + count, 0);

function shared(one: Words, other: Words): number {
  let common = 0;
  for (const [word, count] of one) common += Math.min(count, other.get(word) ?? 0);
  return common;
}

/** How much of the words two texts share, from 0 to 1. */
export const similarity = (one: string, other: string): number => alike(wordsOf(one), wordsOf(other));

function alike(one: Words, other: Words): number {
  const [words, others] = [sum(one), sum(other)];
  if (words + others === 0) return 1;
  // What is written into an empty block is a change of it, unless something else is more alike.
  if (words === 0 || others === 0) return alikeFrom;
  return (2 * shared(one, other)) / (words + others);
}

/** Pairs of [index in `before`, index in `after`], ascending in both, that are most alike together. */
function pairs(before: readonly Block[], after: readonly Block[]): [number, number][] {
  if (before.length * after.length > comparisonsMax) {
    return Array.from({ length: Math.min(before.length, after.length) }, (_, index) => [index, index]);
  }
  const width = after.length + 1;
  const best = new Float64Array((before.length + 1) * width);
  const score = new Float64Array(before.length * after.length);
  const [words, others] = [before, after].map((blocks) => blocks.map(({ text }) => wordsOf(text))) as [Words[], Words[]];
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const both = alike(words[i] as Words, others[j] as Words);
      score[i * after.length + j] = both;
      const together = both >= alikeFrom ? both + (best[(i + 1) * width + j + 1] as number) : -1;
      best[i * width + j] = Math.max(together, best[(i + 1) * width + j] as number, best[i * width + j + 1] as number);
    }
  }
  const out: [number, number][] = [];
  for (let i = 0, j = 0; i < before.length && j < after.length; ) {
    const here = best[i * width + j] as number;
    const both = score[i * after.length + j] as number;
    if (both >= alikeFrom && here === both + (best[(i + 1) * width + j + 1] as number)) out.push([i++, j++]);
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
