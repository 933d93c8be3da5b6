// Rich text coloured by who wrote it.

import type { Editor } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import * as Y from "yjs";

import type { AuthorRange } from "../editor/handle";
import { rich } from "../strings/rich";
import css from "./authors.module.css";
import { isFromYjs } from "./places";

interface Span {
  begin: number;
  end: number;
}

/** Where in `doc` the texts of `fragment`, which it shows, are. */
export function spansOf(fragment: Y.XmlFragment, doc: Node): Map<Y.Text, Span> {
  const spans = new Map<Y.Text, Span>();
  const walk = (shared: Y.XmlFragment, node: Node, start: number) => {
    const parts = shared.toArray() as unknown[];
    if (node.isTextblock) {
      let begin = start;
      for (const part of parts) {
        if (part instanceof Y.XmlText) spans.set(part, { begin, end: start + node.content.size });
        // An element within a line, a line break say, is one character of it.
        begin += part instanceof Y.XmlText ? part.length : 1;
      }
      return;
    }
    const elements = parts.filter((part) => part instanceof Y.XmlElement);
    // Not in step, or something of another editor's.
    if (elements.length !== node.childCount) return;
    node.forEach((child, offset, i) => walk(elements[i] as Y.XmlElement, child, start + offset + 1));
  };
  walk(fragment, doc, 0);
  return spans;
}

function decorate(fragment: Y.XmlFragment, doc: Node, ranges: readonly AuthorRange[]): DecorationSet {
  const spans = spansOf(fragment, doc);
  const decorations: Decoration[] = [];
  for (const { text, from, to, color, name } of ranges) {
    const span = spans.get(text);
    if (!span || span.begin + to > span.end) continue;
    const attributes = { class: css.author ?? "", style: `--author: ${color}`, title: rich.writtenBy(name) };
    decorations.push(Decoration.inline(span.begin + from, span.begin + to, attributes));
  }
  return DecorationSet.create(doc, decorations);
}

/** Of one editor. */
export class Authors {
  private ranges: readonly AuthorRange[] = [];
  private set = DecorationSet.empty;

  constructor(
    private readonly editor: Editor,
    private readonly fragment: Y.XmlFragment,
  ) {}

  show(ranges: readonly AuthorRange[]): void {
    if (ranges.length === 0 && this.ranges.length === 0) return;
    this.editor.off("beforeTransaction", this.follow);
    if (ranges.length > 0) this.editor.on("beforeTransaction", this.follow);
    this.ranges = ranges;
    this.set = decorate(this.fragment, this.editor.state.doc, ranges);
    // A plugin that is added later has the editor's plugins made anew, with the binding.
    this.editor.view.setProps({ decorations: () => this.set });
  }

  private readonly follow = ({ transaction, nextState }: { transaction: Transaction; nextState: EditorState }): void => {
    // What comes from Yjs may replace the whole document, so nothing can be mapped through it.
    if (isFromYjs(nextState) || transaction.doc !== nextState.doc) this.set = decorate(this.fragment, nextState.doc, this.ranges);
    else if (transaction.docChanged) this.set = this.set.map(transaction.mapping, transaction.doc);
  };
}
