// Figures of a document.

import type { Node } from "@tiptap/pm/model";

/** Beyond, words are what is between spaces: a segmenter takes seconds for a megabyte. */
const segmentedMax = 50_000;
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

export function countWords(text: string): number {
  if (text.length > segmentedMax) return text.match(/\S+/gu)?.length ?? 0;
  let words = 0;
  for (const { isWordLike } of segmenter.segment(text)) if (isWordLike) words += 1;
  return words;
}

/** Line ends between blocks are no characters of the text. */
export function figuresOf(doc: Node): { words: number; characters: number } {
  const text = doc.textBetween(0, doc.content.size, "\n", " ");
  return { words: countWords(text), characters: text.replaceAll("\n", "").length };
}

/** The text of the last heading that begins at or before `at`; empty: there is none. */
export function headingAt(doc: Node, at: number): string {
  let found = "";
  doc.forEach((node, offset) => {
    if (offset <= at && node.type.name === "heading" && node.textContent.trim()) found = node.textContent.trim();
  });
  return found;
}
