// What of a document changed, by the identity of its blocks.

import { type Node, Slice } from "@tiptap/pm/model";
import { ReplaceStep, type Transform } from "@tiptap/pm/transform";

/** Blocks side by side: from the index `from` to before `to`, or to before `was` in the document before. */
export interface Run {
  from: number;
  to: number;
  was: number;
}

/** The shortest run outside of which all blocks are the same; null: all are. */
export function changedRun({ children: before }: { children: readonly Node[] }, { children: after }: { children: readonly Node[] }): Run | null {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before[from] === after[from]) from += 1;
  if (from === before.length && from === after.length) return null;
  let to = after.length;
  let was = before.length;
  while (to > from && was > from && before[was - 1] === after[to - 1]) {
    to -= 1;
    was -= 1;
  }
  return { from, to, was };
}

/** The blocks of `after` that `before` does not have, and where they are. */
export function freshBlocks(before: Node, after: Node): { node: Node; position: number }[] {
  const run = changedRun(before, after);
  if (!run) return [];
  const known = new Set(before.children.slice(run.from, run.was));
  const fresh: { node: Node; position: number }[] = [];
  let position = startOf(after, run.from);
  for (const node of after.children.slice(run.from, run.to)) {
    if (!known.has(node)) fresh.push({ node, position });
    position += node.nodeSize;
  }
  return fresh;
}

function startOf({ children }: Node, index: number): number {
  let start = 0;
  for (let i = 0; i < index; ++i) start += (children[i] as Node).nodeSize;
  return start;
}

/**
 * Makes the document of `tr` have the blocks of `wanted`, by steps over what differs only: within a block
 * of text, over the letters. So what is elsewhere (a caret, a highlight) can be mapped through them.
 */
export function replaceChanged(tr: Transform, wanted: { children: readonly Node[] }): void {
  const { children } = tr.doc;
  const run = changedRun(tr.doc, wanted);
  if (!run) return;
  if (children.length !== wanted.children.length) {
    replaceBlocks(tr, run, wanted);
    return;
  }
  // From the end, so that what is in front stays where it is.
  for (let end = run.to; end > run.from; end -= 1) {
    let from = end;
    while (from > run.from && children[from - 1] !== wanted.children[from - 1]) from -= 1;
    if (from === end) continue;
    const only = from === end - 1;
    if (!only || !replaceText(tr, from, wanted.children[from] as Node)) replaceBlocks(tr, { from, to: end, was: end }, wanted);
    end = from;
  }
}

function replaceBlocks(tr: Transform, { from, to, was }: Run, wanted: { children: readonly Node[] }): void {
  const start = startOf(tr.doc, from);
  const end = tr.doc.children.slice(from, was).reduce((at, { nodeSize }) => at + nodeSize, start);
  tr.step(new ReplaceStep(start, end, sliceOf(tr.doc, wanted.children.slice(from, to))));
}

const sliceOf = (doc: Node, nodes: readonly Node[]) => new Slice(doc.type.create(null, nodes).content, 0, 0);

/** False: it is no block of text, or more of it differs. */
function replaceText(tr: Transform, index: number, wanted: Node): boolean {
  const block = tr.doc.child(index);
  if (!block.isTextblock || !block.sameMarkup(wanted)) return false;
  const start = block.content.findDiffStart(wanted.content);
  const end = block.content.findDiffEnd(wanted.content);
  if (start === null || !end) return false;
  // "aa" in which an "a" was written: both look from their side, past each other.
  const past = Math.max(0, start - Math.min(end.a, end.b));
  const inside = startOf(tr.doc, index) + 1;
  tr.step(new ReplaceStep(inside + start, inside + end.a + past, wanted.slice(start, end.b + past)));
  return true;
}
