// What of a Y.Text Monaco cannot hold as it is.
//
// Monaco's models have one kind of line end and no byte-order mark, and y-monaco takes offsets in
// the model for offsets in the Y.Text. Text from other tools (a Windows file, a paste by script)
// would shift every later edit, so it is brought into Monaco's form first, as an ordinary edit.

import type * as Y from "yjs";

/** One replacement at an offset of the text as it is before any of them. */
export interface Fix {
  index: number;
  remove: number;
  insert: string;
}

/** Replacements that leave "\n" as the only line end and no byte-order mark in front, last first. */
export function fixesFor(text: string): Fix[] {
  const fixes: Fix[] = [];
  if (text.startsWith("\ufeff")) fixes.push({ index: 0, remove: 1, insert: "" });
  for (let index = text.indexOf("\r"); index >= 0; index = text.indexOf("\r", index + 1)) {
    // Of "\r\n" only the "\r" goes, so two people who open the document at once do the same.
    fixes.push({ index, remove: 1, insert: text[index + 1] === "\n" ? "" : "\n" });
  }
  return fixes.reverse();
}

export function fixText(text: Y.Text): void {
  const fixes = fixesFor(text.toString());
  if (fixes.length === 0) return;
  text.doc?.transact(() => {
    for (const { index, remove, insert } of fixes) {
      text.delete(index, remove);
      if (insert) text.insert(index, insert);
    }
  });
}
