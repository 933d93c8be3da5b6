// What y-tiptap remembers of which node stands for which part of the document.

import type { Node } from "@tiptap/pm/model";
import type { XmlFragment } from "yjs";

import type { Mapping } from "./mirror";

/**
 * Lasts from change to change. y-tiptap takes out what a change of others touched, then forgets all the
 * rest, too, so every node is made anew, and whatever goes by the identity of nodes (the view, tables,
 * colours of code) looks at the whole document for each letter that anybody types. In a document of a
 * megabyte that took half a second; kept, what did not change is known not to have changed.
 */
export class KeptMapping extends Map implements Mapping {
  private shown_: Node | null = null;

  /** What is known to stand for all of the document, block by block. */
  get shown(): Node | null {
    return this.shown_;
  }

  /** Forgets only what is not known to be as it is shown: after some changes of tables it is not. */
  override clear(): void {
    if (!this.shown_) super.clear();
  }

  /** Calls `draw`, within which forgetting is meant. */
  whileDrawing(draw: () => void): void {
    this.shown_ = null;
    draw();
  }

  /** Looks whether it says that `doc` stands for `fragment`. */
  check(fragment: XmlFragment, doc: Node): boolean {
    const parts = fragment.toArray();
    // Nothing is shown as one empty paragraph.
    const empty = parts.length === 0 && doc.childCount === 1 && doc.content.size <= 2;
    const same = parts.length === doc.childCount && parts.every((part, i) => this.get(part) === doc.child(i));
    this.shown_ = empty || same ? doc : null;
    return empty || same;
  }
}
