// Going to what a search found.

import type { Editor } from "@tiptap/core";
import { TextSelection } from "@tiptap/pm/state";

import { findIn } from "./find";

/** Where `text` is first, selected now; null: nowhere. */
export function selectText(editor: Editor, text: string): number | null {
  const { tr } = editor.state;
  const match = findIn(tr.doc, { text, matchCase: false })[0];
  if (!match) return null;
  editor.view.dispatch(tr.setSelection(TextSelection.create(tr.doc, match.from, match.to)));
  return match.from;
}
