// What y-tiptap remembers of which node stands for which part of the document.

import type { Node } from "@tiptap/pm/model";
import { type AbstractType, type Transaction, XmlElement, type XmlFragment, XmlText } from "yjs";

import type { Mapping } from "./mirror";

type Part = XmlElement | XmlText;

/** A part of the document that stands beside others right below its root; null: it is in none. */
function topPart(fragment: XmlFragment, type: AbstractType<unknown>): Part | null {
  let at: AbstractType<unknown> | null = type;
  while (at?._item && at._item.parent !== (fragment as unknown)) at = at._item.parent as AbstractType<unknown> | null;
  return at?._item ? (at as unknown as Part) : null;
}

/**
 * Lasts from change to change. y-tiptap takes out what a change of others touched, then forgets all the
 * rest, too, so every node is made anew, and whatever goes by the identity of nodes (the view, tables,
 * colours of code) looks at the whole document for each letter that anybody types. In a document of a
 * megabyte that took half a second; kept, what did not change is known not to have changed.
 */
export class KeptMapping extends Map implements Mapping {
  /** The blocks of the document in their order. */
  private parts: readonly Part[] = [];
  private order = new Map<Part, number>();
  private shown_: Node | null = null;
  private starts: { of: Node; at: readonly number[] } | null = null;

  /** What is known to stand for all of the document, block by block. */
  get shown(): Node | null {
    return this.shown_;
  }

  /** The part that the block at `index` of what is shown stands for. */
  part(index: number): Part | undefined {
    return this.parts[index];
  }

  /** Where in what is shown the block of `part` begins. */
  startOf(part: Part): number | null {
    const { shown_: doc } = this;
    const index = this.order.get(part);
    if (!doc || index === undefined) return null;
    if (this.starts?.of !== doc) {
      const at: number[] = [];
      doc.forEach((_node, offset) => at.push(offset));
      this.starts = { of: doc, at };
    }
    return this.starts.at[index] ?? null;
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

  /** Looks whether it says that `doc` stands for `fragment`, after `transaction` if nothing else changed. */
  check(fragment: XmlFragment, doc: Node, transaction?: Transaction): boolean {
    const same = this.same(fragment, doc, transaction?.changed);
    this.shown_ = same ? doc : null;
    return same;
  }

  private same(fragment: XmlFragment, doc: Node, changed: Transaction["changed"] | undefined): boolean {
    const before = this.shown_;
    const stands = (index: number) => this.get(this.parts[index]) === doc.child(index);
    if (changed && before?.childCount === doc.childCount && !changed.has(fragment as never)) {
      for (const type of changed.keys()) {
        const part = topPart(fragment, type as unknown as AbstractType<unknown>);
        const index = part ? this.order.get(part) : undefined;
        if (index !== undefined && !stands(index)) return false;
      }
      // Those that are the same node as before stand for what they stood for.
      return doc.children.every((node, index) => node === before.child(index) || stands(index));
    }
    this.parts = fragment.toArray() as Part[];
    this.order = new Map(this.parts.map((part, index) => [part, index]));
    // Nothing is shown as one empty paragraph.
    if (this.parts.length === 0) return doc.childCount === 1 && doc.content.size <= 2;
    return this.parts.length === doc.childCount && this.parts.every((_part, index) => stands(index));
  }
}
