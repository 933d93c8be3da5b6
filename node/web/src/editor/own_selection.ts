// Where the person's own carets are while others write.
//
// y-monaco puts a caret back before the character that follows it, so that what somebody else writes
// at that very place pushes it along, and two who type at one place tear each other's words apart.
// Here a caret keeps to the character before it: what one writes stays in one piece.

import * as Y from "yjs";

import { monaco } from "./monaco";

interface KeptSelection {
  anchor: Y.RelativePosition;
  head: Y.RelativePosition;
}

const [afterLeft, beforeRight] = [-1, 0];

/** Carets and selections of `editor`, as places in `text`. */
function keep(editor: monaco.editor.ICodeEditor, model: monaco.editor.ITextModel, text: Y.Text): KeptSelection[] {
  return (editor.getSelections() ?? []).map((selection) => {
    const anchor = model.getOffsetAt({ lineNumber: selection.selectionStartLineNumber, column: selection.selectionStartColumn });
    const head = model.getOffsetAt({ lineNumber: selection.positionLineNumber, column: selection.positionColumn });
    const at = (index: number, side: number) => Y.createRelativePositionFromTypeIndex(text, index, side);
    // A selection holds what was selected, not what is written at its edges.
    const [anchorSide, headSide] = anchor === head ? [afterLeft, afterLeft] : anchor < head ? [beforeRight, afterLeft] : [afterLeft, beforeRight];
    return { anchor: at(anchor, anchorSide), head: at(head, headSide) };
  });
}

function placed(kept: KeptSelection, model: monaco.editor.ITextModel, text: Y.Text): monaco.Selection | null {
  const at = (position: Y.RelativePosition) => {
    const place = text.doc && Y.createAbsolutePositionFromRelativePosition(position, text.doc);
    return place?.type === text ? model.getPositionAt(place.index) : null;
  };
  const [anchor, head] = [at(kept.anchor), at(kept.head)];
  return anchor && head && new monaco.Selection(anchor.lineNumber, anchor.column, head.lineNumber, head.column);
}

/** To be called after y-monaco's binding was made: its own word on the matter comes first. Returns what ends it. */
export function keepOwnSelection(
  editor: monaco.editor.ICodeEditor,
  model: monaco.editor.ITextModel,
  text: Y.Text,
  binding: unknown,
): () => void {
  const { doc } = text;
  if (!doc) return () => {};
  let kept: KeptSelection[] = [];
  const before = () => {
    // In the midst of Monaco's own edit the model is ahead of the text: what is typed moves the caret itself.
    kept = model.getValueLength() === text.length ? keep(editor, model, text) : [];
  };
  const after = (_event: Y.YTextEvent, { origin }: Y.Transaction) => {
    if (origin === binding || kept.length === 0) return;
    const selections = kept.map((one) => placed(one, model, text));
    if (selections.every((one) => one !== null)) editor.setSelections(selections);
  };
  doc.on("beforeAllTransactions", before);
  text.observe(after);
  return () => {
    doc.off("beforeAllTransactions", before);
    text.unobserve(after);
  };
}
