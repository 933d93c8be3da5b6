// Keeps a Monaco model and a Y.Text in step, and the carets of one editor where they belong.
//
// In place of y-monaco, whose work for each change of somebody else grows with the document (each caret
// and each cursor is looked up in Yjs from its start, again and again), and which puts one's own caret
// back before the character on its right, so that two who write at one place tear each other's words
// apart. Here carets are moved by the change itself, and one's own keeps to the character on its left.

import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import { monaco } from "./monaco";
import { type Edit, editsOf, endOf, movedCaret, movedEdge } from "./text_edits";

type Editor = monaco.editor.IStandaloneCodeEditor;
type Model = monaco.editor.ITextModel;

/** UTF-16 units from the start of the text. */
interface Span {
  anchor: number;
  head: number;
}

const [afterLeft, beforeRight] = [-1, 0];

export class TextBinding {
  private readonly subscriptions: monaco.IDisposable[];
  /** The model is being changed by us. */
  private showing = false;
  private lastTold = "";

  /** `model`'s text becomes that of `text`. */
  constructor(
    private readonly editor: Editor,
    private readonly model: Model,
    private readonly text: Y.Text,
    private readonly awareness: Awareness,
  ) {
    const value = text.toString();
    if (model.getValue() !== value) model.setValue(value);
    text.observe(this.onText);
    this.subscriptions = [
      model.onDidChangeContent((event) => this.onModel(event)),
      editor.onDidChangeCursorSelection(() => this.tell()),
    ];
  }

  destroy(): void {
    this.text.unobserve(this.onText);
    for (const one of this.subscriptions) one.dispose();
  }

  private onModel({ changes }: monaco.editor.IModelContentChangedEvent): void {
    if (this.showing) return;
    // From right to left: the offsets are those before the change.
    const inOrder = Array.from(changes).sort((one, other) => other.rangeOffset - one.rangeOffset);
    Y.transact(
      this.text.doc as Y.Doc,
      () => {
        for (const { rangeOffset, rangeLength, text } of inOrder) {
          if (rangeLength > 0) this.text.delete(rangeOffset, rangeLength);
          if (text) this.text.insert(rangeOffset, text);
        }
      },
      this,
    );
  }

  private readonly onText = (event: Y.YTextEvent, { origin }: Y.Transaction): void => {
    if (origin === this) return;
    const edits = editsOf(event.delta);
    const undone = origin instanceof Y.UndoManager ? endOf(edits) : null;
    const spans = undone === null ? this.spans().map((span) => moved(span, edits)) : [{ anchor: undone, head: undone }];
    this.showing = true;
    try {
      this.model.applyEdits(
        edits.map(({ from, to, text }) => ({
          range: monaco.Range.fromPositions(this.model.getPositionAt(from), this.model.getPositionAt(to)),
          text,
        })),
      );
      this.place(spans);
    } finally {
      this.showing = false;
    }
    if (undone === null) return;
    // Who takes something back wants to see it, and to go on there.
    this.editor.revealPositionInCenterIfOutsideViewport(this.model.getPositionAt(undone));
    this.tell();
  };

  private spans(): Span[] {
    return (this.editor.getSelections() ?? []).map((one) => ({
      anchor: this.model.getOffsetAt({ lineNumber: one.selectionStartLineNumber, column: one.selectionStartColumn }),
      head: this.model.getOffsetAt({ lineNumber: one.positionLineNumber, column: one.positionColumn }),
    }));
  }

  private place(spans: Span[]): void {
    const shown = this.spans();
    // Monaco has moved them, too; only where two meet at one place it judges otherwise.
    if (spans.length === shown.length && spans.every(({ anchor, head }, i) => shown[i]?.anchor === anchor && shown[i]?.head === head)) return;
    this.editor.setSelections(
      spans.map((span) => {
        const [anchor, head] = [this.model.getPositionAt(span.anchor), this.model.getPositionAt(span.head)];
        return new monaco.Selection(anchor.lineNumber, anchor.column, head.lineNumber, head.column);
      }),
    );
  }

  /** Tells the others where the caret is, as y-monaco and y-codemirror do. */
  private tell(): void {
    // What others write moves it for everybody alike.
    if (this.showing) return;
    const [span] = this.spans();
    if (!span || Math.max(span.anchor, span.head) > this.text.length) return;
    const { anchor, head } = span;
    const at = (index: number, side: number) => Y.createRelativePositionFromTypeIndex(this.text, index, side);
    const caret = at(head, head > anchor || head === anchor ? afterLeft : beforeRight);
    const selection = { anchor: anchor === head ? caret : at(anchor, anchor < head ? beforeRight : afterLeft), head: caret };
    const told = JSON.stringify(selection);
    if (told === this.lastTold) return;
    this.lastTold = told;
    this.awareness.setLocalStateField("selection", selection);
  }
}

/** A caret keeps to the character on its left; a selection holds what was selected, not what is written at its edges. */
function moved({ anchor, head }: Span, edits: readonly Edit[]): Span {
  if (anchor === head) {
    const place = movedCaret(head, edits);
    return { anchor: place, head: place };
  }
  return {
    anchor: movedEdge(anchor, edits, anchor < head ? "start" : "end"),
    head: movedEdge(head, edits, anchor < head ? "end" : "start"),
  };
}
