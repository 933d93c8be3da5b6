// EditorHandle of a Monaco editor.

import * as Y from "yjs";

import { code } from "../strings/code";
import { type Session, textRoot } from "../sync";
import { cursorOf } from "./positions";
import type { Anchor, AuthorRange, EditorHandle, EditorSelection } from "./handle";
import { monaco } from "./monaco";

type Editor = monaco.editor.IStandaloneCodeEditor;
type Model = monaco.editor.ITextModel;

/** Where a relative position is in `text`; null: nowhere in it. */
function indexOf(session: Session, encoded: Uint8Array): number | null {
  try {
    const position = Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(encoded), session.doc);
    return position?.type === session.text ? position.index : null;
  } catch {
    return null; // Bytes of somebody else's.
  }
}

const { NeverGrowsWhenTypingAtEdges } = monaco.editor.TrackedRangeStickiness;

export class MonacoHandle implements EditorHandle {
  onAnchorClick: ((id: string) => void) | null = null;

  private readonly anchors: monaco.editor.IEditorDecorationsCollection;
  private readonly authors: monaco.editor.IEditorDecorationsCollection;
  /** In the order of `anchors`. */
  private anchorIds: string[] = [];
  private readonly sheet = new CSSStyleSheet();

  constructor(
    private readonly editor: Editor,
    private readonly model: Model,
    private readonly session: Session,
    private readonly manager: () => Y.UndoManager,
  ) {
    this.anchors = editor.createDecorationsCollection();
    this.authors = editor.createDecorationsCollection();
    document.adoptedStyleSheets.push(this.sheet);
    editor.onDidDispose(() => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== this.sheet);
    });
    editor.onMouseUp(({ target }) => {
      if (!target.position || !editor.getSelection()?.isEmpty()) return;
      const id = this.anchorAt(target.position);
      if (id !== null) this.onAnchorClick?.(id);
    });
  }

  focus(): void {
    this.editor.focus();
  }

  undo(): void {
    this.manager().undo();
  }

  redo(): void {
    this.manager().redo();
  }

  find(): void {
    this.editor.focus();
    this.editor.trigger("page", "actions.find", null);
  }

  goTo(text: string): void {
    const range = this.model.findMatches(text, false, false, false, null, false, 1)[0]?.range;
    if (!range) return;
    this.editor.setSelection(range);
    this.editor.revealRangeInCenter(range);
  }

  selection(): EditorSelection | null {
    const range = this.editor.getSelection();
    if (!range || range.isEmpty()) return null;
    const [from, to] = [range.getStartPosition(), range.getEndPosition()].map((place) => this.model.getOffsetAt(place));
    if (from === undefined || to === undefined || to > this.session.text.length) return null;
    const position = (index: number, side: number) =>
      Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(this.session.text, index, side));
    // Kept to the characters, not to what is put before or after them.
    return { root: textRoot, start: position(from, 0), end: position(to, -1), quote: this.model.getValueInRange(range) };
  }

  onSelection(listener: () => void): () => void {
    const subscription = this.editor.onDidChangeCursorSelection(listener);
    return () => subscription.dispose();
  }

  setAnchors(anchors: readonly Anchor[]): void {
    const decorations: monaco.editor.IModelDeltaDecoration[] = [];
    this.anchorIds = [];
    for (const anchor of anchors) {
      const [from, to] = [indexOf(this.session, anchor.start), indexOf(this.session, anchor.end)];
      if (from === null || to === null || to <= from) continue;
      const look = anchor.resolved ? "resolved" : anchor.active ? "active" : "open";
      decorations.push({
        range: monaco.Range.fromPositions(this.model.getPositionAt(from), this.model.getPositionAt(to)),
        options: {
          className: `comment-${look}`,
          stickiness: NeverGrowsWhenTypingAtEdges,
          ...(anchor.resolved ? {} : { overviewRuler: { color: "#d4a017", position: monaco.editor.OverviewRulerLane.Right } }),
        },
      });
      this.anchorIds.push(anchor.id);
    }
    this.anchors.set(decorations);
  }

  revealAnchor(id: string): boolean {
    const range = this.rangeOf(id);
    if (!range || range.isEmpty()) return false;
    this.editor.revealRangeInCenterIfOutsideViewport(range, monaco.editor.ScrollType.Smooth);
    return true;
  }

  anchorTops(): ReadonlyMap<string, number> {
    const tops = new Map<string, number>();
    const height = this.editor.getLayoutInfo().height;
    for (const [i, id] of this.anchorIds.entries()) {
      const range = this.anchors.getRange(i);
      if (!range || range.isEmpty()) continue;
      const top = this.editor.getTopForPosition(range.startLineNumber, range.startColumn) - this.editor.getScrollTop();
      if (top > -200 && top < height + 200) tops.set(id, top);
    }
    return tops;
  }

  onLayout(listener: () => void): () => void {
    const subscriptions = [
      this.editor.onDidScrollChange(listener),
      this.editor.onDidLayoutChange(listener),
      this.editor.onDidContentSizeChange(listener),
      this.model.onDidChangeContent(listener),
    ];
    return () => subscriptions.forEach((one) => one.dispose());
  }

  linesInView(): { from: number; to: number } | null {
    const ranges = this.editor.getVisibleRanges();
    const [first, last] = [ranges[0], ranges.at(-1)];
    return first && last ? { from: first.startLineNumber, to: last.endLineNumber } : null;
  }

  revealCursor(clientId: number): boolean {
    const index = cursorOf(this.session, clientId);
    if (index === null) return false;
    this.editor.revealPositionInCenterIfOutsideViewport(this.model.getPositionAt(index), monaco.editor.ScrollType.Smooth);
    return true;
  }

  setAuthors(ranges: readonly AuthorRange[] | null): void {
    const colors = Array.from(new Set(ranges?.map(({ color }) => color)));
    const soft = (color: string) => `color-mix(in srgb, ${color} 18%, transparent)`;
    this.sheet.replaceSync(
      colors
        .map((color, i) => `.author-${i} { background: ${soft(color)}; border-bottom: 2px solid ${color}; }`)
        .join("\n"),
    );
    this.authors.set(
      (ranges ?? []).map(({ from, to, color, name }) => ({
        range: monaco.Range.fromPositions(this.model.getPositionAt(from), this.model.getPositionAt(to)),
        options: {
          inlineClassName: `author-${colors.indexOf(color)}`,
          hoverMessage: { value: code.writtenBy(name) },
          stickiness: NeverGrowsWhenTypingAtEdges,
        },
      })),
    );
  }

  private rangeOf(id: string): monaco.Range | null {
    const i = this.anchorIds.indexOf(id);
    return i < 0 ? null : this.anchors.getRange(i);
  }

  private anchorAt(position: monaco.IPosition): string | null {
    // The innermost: of what begins before, the one that begins last.
    let found: { id: string; range: monaco.Range } | null = null;
    for (const [i, id] of this.anchorIds.entries()) {
      const range = this.anchors.getRange(i);
      if (!range?.containsPosition(position)) continue;
      if (!found || found.range.containsRange(range)) found = { id, range };
    }
    return found?.id ?? null;
  }
}
