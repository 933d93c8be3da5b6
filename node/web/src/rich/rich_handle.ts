// EditorHandle of a rich text editor.

import type { Editor } from "@tiptap/core";
import * as Y from "yjs";

import type { Anchor, AuthorRange, EditorHandle, EditorSelection } from "../editor/handle";
import type { Session } from "../sync";
import { anchorRanges } from "./anchors";
import { Authors } from "./authors";
import { cursorOf } from "./carets";
import { placeFirstCaret } from "./first_caret";
import { encodePlace, resolvePlace } from "./places";
import { type RichDocument, richRoot } from "./rich_document";
import { selectText } from "./select_text";

export class RichHandle implements EditorHandle {
  onAnchorClick: ((id: string) => void) | null = null;

  private readonly selectionListeners = new Set<() => void>();
  private readonly layoutListeners = new Set<() => void>();
  private readonly observer = new ResizeObserver(() => this.layout());
  private readonly unsubscribe: () => void;
  private editor: Editor | null = null;
  private frame = 0;
  /** Asked for while there was no editor. */
  private sought: string | null = null;
  private authors: Authors | null = null;
  private authorRanges: readonly AuthorRange[] = [];

  constructor(
    private readonly session: Session,
    private readonly document: RichDocument,
    /** The editor's element, and what in it scrolls. */
    private readonly root: HTMLElement,
    private readonly scroller: HTMLElement,
    private readonly openFind: () => void,
  ) {
    this.unsubscribe = document.subscribe(() => this.adopt());
    this.adopt();
    scroller.addEventListener("scroll", this.layout, { passive: true });
    this.observer.observe(scroller);
    this.observer.observe(root);
  }

  close(): void {
    this.unsubscribe();
    this.observer.disconnect();
    this.scroller.removeEventListener("scroll", this.layout);
    cancelAnimationFrame(this.frame);
    this.selectionListeners.clear();
    this.layoutListeners.clear();
  }

  focus(): void {
    this.editor?.commands.focus();
  }

  undo(): void {
    if (this.editor?.isEditable) this.editor.commands.undo();
  }

  redo(): void {
    if (this.editor?.isEditable) this.editor.commands.redo();
  }

  find(): void {
    this.openFind();
  }

  goTo(text: string): void {
    this.sought = this.editor ? null : text;
    const at = this.editor && selectText(this.editor, text);
    if (at !== null) this.reveal(at);
  }

  selection(): EditorSelection | null {
    const { editor } = this;
    if (!editor || editor.state.selection.empty) return null;
    const { from, to } = editor.state.selection;
    const start = encodePlace(editor.state, from, 0);
    const end = encodePlace(editor.state, to, -1);
    const quote = editor.state.doc.textBetween(from, to, "\n", " ");
    return start && end ? { root: richRoot, start, end, quote } : null;
  }

  onSelection(listener: () => void): () => void {
    this.selectionListeners.add(listener);
    return () => void this.selectionListeners.delete(listener);
  }

  setAnchors(anchors: readonly Anchor[]): void {
    this.document.setAnchors(anchors);
    this.layout();
  }

  revealAnchor(id: string): boolean {
    const range = this.editor && anchorRanges(this.editor.state).get(id);
    return range ? this.reveal(range.from) : false;
  }

  anchorTops(): ReadonlyMap<string, number> {
    const tops = new Map<string, number>();
    const { editor } = this;
    if (!editor) return tops;
    const { top, height } = this.root.getBoundingClientRect();
    for (const [id, { from }] of anchorRanges(editor.state)) {
      const at = editor.view.coordsAtPos(from).top - top;
      if (at > -200 && at < height + 200) tops.set(id, at);
    }
    return tops;
  }

  onLayout(listener: () => void): () => void {
    this.layoutListeners.add(listener);
    return () => void this.layoutListeners.delete(listener);
  }

  linesInView(): null {
    return null;
  }

  revealCursor(clientId: number): boolean {
    const cursor = cursorOf(this.session.awareness.getStates().get(clientId));
    if (!this.editor || !cursor) return false;
    const at = resolvePlace(this.editor.state, Y.createRelativePositionFromJSON(cursor.head));
    return at !== null && this.reveal(at);
  }

  setAuthors(ranges: readonly AuthorRange[] | null): void {
    this.authorRanges = ranges ?? [];
    this.authors?.show(this.authorRanges);
  }

  /** An editor that was made anew has none of its listeners. */
  private adopt(): void {
    const { editor } = this.document.view();
    if (editor === this.editor) return;
    this.editor = editor;
    this.authors = editor && new Authors(editor, this.session.rich);
    this.authors?.show(this.authorRanges);
    if (editor) placeFirstCaret(editor, this.session.doc);
    if (editor && this.sought !== null) this.goTo(this.sought);
    editor?.on("selectionUpdate", this.selected);
    editor?.on("transaction", ({ transaction }) => {
      if (!transaction.docChanged) return;
      this.selected();
      this.layout();
    });
    this.selected();
    this.layout();
  }

  private readonly selected = (): void => {
    for (const listener of this.selectionListeners) listener();
  };

  private readonly layout = (): void => {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      for (const listener of this.layoutListeners) listener();
    });
  };

  /** Scrolls only if it is not seen yet. */
  private reveal(position: number): boolean {
    const { editor, scroller } = this;
    if (!editor) return false;
    const at = editor.view.coordsAtPos(position);
    const { top, bottom, height } = scroller.getBoundingClientRect();
    if (at.top < top + 24 || at.bottom > bottom - 24) {
      scroller.scrollTo({ top: scroller.scrollTop + at.top - top - height / 3, behavior: "smooth" });
    }
    return true;
  }
}
