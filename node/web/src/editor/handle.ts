// What the rest of the page asks of an editor, whichever it is: code (Monaco) or rich text (TipTap).

import type * as Y from "yjs";

/** Text that something is about: encoded Yjs relative positions (Y.encodeRelativePosition). */
export interface TextPlace {
  start: Uint8Array;
  end: Uint8Array;
}

/** A comment's place in the text. */
export interface Anchor extends TextPlace {
  id: string;
  kind: "comment" | "suggestion";
  resolved: boolean;
  /** It is the one that is looked at. */
  active: boolean;
}

export interface EditorSelection extends TextPlace {
  /** The root type it is in. */
  root: string;
  quote: string;
}

/** Who wrote which characters of a text of the document, in UTF-16 units. */
export interface AuthorRange {
  text: Y.Text;
  from: number;
  to: number;
  color: string;
  name: string;
}

export interface EditorHandle {
  focus(): void;
  undo(): void;
  redo(): void;
  /** Opens the editor's find bar. */
  find(): void;
  /** Selects where that text is first, whatever the case, and scrolls to it. */
  goTo(text: string): void;

  /** What is selected; null: nothing, or only a caret. */
  selection(): EditorSelection | null;
  /** Tells when selection() may give something else. Returns what ends it. */
  onSelection(listener: () => void): () => void;

  /** Highlights comments, in place of those before. They move with the text by themselves. */
  setAnchors(anchors: readonly Anchor[]): void;
  onAnchorClick: ((id: string) => void) | null;
  /** Scrolls to a comment. False: its text is gone. */
  revealAnchor(id: string): boolean;
  /** Where the comments that are in view begin, in pixels below the top of the editor's element. */
  anchorTops(): ReadonlyMap<string, number>;
  /** Tells when anchorTops() may have changed. Returns what ends it. */
  onLayout(listener: () => void): () => void;

  /** The first and the last line in view, from 1; null: it has no lines. They change with the layout. */
  linesInView(): { from: number; to: number } | null;
  /** Scrolls to the cursor of that Yjs client. False: it has none here. */
  revealCursor(clientId: number): boolean;
  /** Colours the text by its authors; null: no more. */
  setAuthors(ranges: readonly AuthorRange[] | null): void;
}

/** What an editor says of its text, for the bar below it. */
export interface TextFigures {
  words: number;
  characters: number;
  /** Of code. */
  line?: number;
  column?: number;
  language?: string;
}
