// Changes of a text as replacements, and what they do to places in it.

import type * as Y from "yjs";

/** What was between two offsets of the text before the change is now `text`. */
export interface Edit {
  from: number;
  to: number;
  text: string;
}

/** In the order of the text, no two of them touching. */
export function editsOf(delta: Y.YTextEvent["delta"]): Edit[] {
  const edits: Edit[] = [];
  let index = 0;
  let last: Edit | null = null;
  const touched = () => {
    if (last?.to !== index) edits.push((last = { from: index, to: index, text: "" }));
    return last;
  };
  for (const { retain = 0, delete: deleted = 0, insert } of delta) {
    index += retain;
    // Anything else is not text: the lengths will differ, and the binding starts over.
    if (typeof insert === "string") touched().text += insert;
    if (deleted > 0) {
      touched().to += deleted;
      index += deleted;
    }
  }
  return edits;
}

/** `sticksLeft`: what is put right at the place comes behind it. */
function movedPlace(place: number, edits: readonly Edit[], sticksLeft: boolean): number {
  let by = 0;
  for (const { from, to, text } of edits) {
    if (from > place || (from === place && from === to && sticksLeft)) break;
    if (to > place || (to === place && from < to && sticksLeft)) {
      // Amid what was replaced: at the edge of it that it keeps to.
      return from + by + (sticksLeft ? 0 : text.length);
    }
    by += text.length - (to - from);
  }
  return place + by;
}

export const movedCaret = (place: number, edits: readonly Edit[]): number => movedPlace(place, edits, true);
export const movedEdge = (place: number, edits: readonly Edit[], edge: "start" | "end"): number =>
  movedPlace(place, edits, edge === "end");

/** Where the last of `edits` ends in the text after them; null: there are none. */
export function endOf(edits: readonly Edit[]): number | null {
  const last = edits.at(-1);
  return last ? movedPlace(last.to, edits, false) : null;
}
