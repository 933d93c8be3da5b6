import type { Node } from "@tiptap/pm/model";
import { EditorState, type Transaction } from "@tiptap/pm/state";
import { Transform } from "@tiptap/pm/transform";
import { type ProsemirrorBinding, ySyncPlugin, ySyncPluginKey } from "@tiptap/y-tiptap";
import { getSchema } from "@tiptap/core";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { contentExtensions } from "../src/rich/content";
import { freshBlocks, replaceChanged } from "../src/rich/differences";
import { KeptMapping } from "../src/rich/kept_mapping";
import { makeLean } from "../src/rich/lean_binding";
import { readFragment } from "../src/rich/mirror";

const schema = getSchema(contentExtensions());
const paragraph = (text: string) => schema.node("paragraph", null, text ? schema.text(text) : []);
const list = (...texts: string[]) => schema.node("bulletList", null, texts.map((text) => schema.node("listItem", null, paragraph(text))));
const documentOf = (...blocks: Node[]) => schema.node("doc", null, blocks);

/** The ranges of the steps, and what they put there. */
function stepsFrom(before: Node, after: Node): string[] {
  const tr = new Transform(before);
  replaceChanged(tr, after);
  expect(tr.doc.toJSON()).toEqual(after.toJSON());
  return tr.steps.map((step) => {
    const { from, to, slice } = step as unknown as { from: number; to: number; slice: { content: { size: number } } };
    return `${from}-${to}+${slice.content.size}`;
  });
}

describe("what changed of a document", () => {
  const [a, b, c] = [paragraph("first"), paragraph("aa"), list("one", "two")] as const;
  it("is letters within a block of text", () => {
    expect(stepsFrom(documentOf(a, b, c), documentOf(a, b, c))).toEqual([]);
    expect(stepsFrom(documentOf(a, b, c), documentOf(paragraph("firmst"), b, c))).toEqual(["4-4+1"]);
    expect(stepsFrom(documentOf(a, b, c), documentOf(a, paragraph("aaa"), c))).toEqual(["10-10+1"]);
    expect(stepsFrom(documentOf(a, b, c), documentOf(a, paragraph("a"), c))).toEqual(["9-10+0"]);
  });
  it("is each block on its own if none came or went", () => {
    expect(stepsFrom(documentOf(a, b, c, b), documentOf(paragraph("firs"), b, c, paragraph("ab")))).toHaveLength(2);
    expect(stepsFrom(documentOf(a, b, c), documentOf(a, b, list("one", "two", "three")))).toEqual(["11-27+25"]);
  });
  it("is a run of blocks otherwise", () => {
    expect(stepsFrom(documentOf(a, b, c), documentOf(a, c))).toEqual(["7-11+0"]);
    expect(stepsFrom(documentOf(a, b), documentOf(a, c, b))).toEqual(["7-7+16"]);
    expect(stepsFrom(documentOf(a, b), documentOf(c, a))).toHaveLength(1);
  });
  it("is told as fresh blocks", () => {
    expect(freshBlocks(documentOf(a, b, c), documentOf(a, c, paragraph("x"))).map(({ position }) => position)).toEqual([23]);
    expect(freshBlocks(documentOf(a, b), documentOf(a, b))).toEqual([]);
  });
});

/** A document and what is bound to it, without a browser. */
class Bound {
  readonly doc = new Y.Doc();
  readonly fragment = this.doc.getXmlFragment("default");
  readonly mapping = new KeptMapping();
  readonly binding: ProsemirrorBinding;
  state: EditorState;

  constructor() {
    this.state = EditorState.create({ schema, plugins: [ySyncPlugin(this.fragment, { mapping: this.mapping as never })] });
    this.binding = (ySyncPluginKey.getState(this.state) as { binding: ProsemirrorBinding }).binding;
    makeLean(this.binding, this.mapping);
    this.doc.on("afterTransaction", (transaction: Y.Transaction) => {
      if (!transaction.changedParentTypes.has(this.fragment as never)) return;
      const shown = this.mapping.check(this.fragment, this.state.doc, transaction);
      if (!shown && transaction.origin !== ySyncPluginKey) this.draw();
    });
    const bound = this;
    this.binding.initView({
      get state() {
        return bound.state;
      },
      dispatch: (tr: Transaction) => void (this.state = this.state.apply(tr)),
      hasFocus: () => false,
    });
    this.draw();
  }

  write(change: (tr: Transaction) => Transaction): void {
    this.state = this.state.apply(change(this.state.tr));
    this.binding.mux(() => this.doc.transact(() => this.binding._prosemirrorChanged(this.state.doc), ySyncPluginKey));
  }

  private draw(): void {
    this.mapping.whileDrawing(() => this.binding._forceRerender());
    this.mapping.check(this.fragment, this.state.doc);
  }
}

describe("the lean binding", () => {
  it("shows and writes what the stock one would, whatever is done on both sides", () => {
    let seed = 7;
    const upTo = (limit: number) => (seed = (seed * 48271) % 2147483647) % limit;
    const [one, other] = [new Bound(), new Bound()];
    const sync = () => {
      const [from, to] = [Y.encodeStateVector(one.doc), Y.encodeStateVector(other.doc)];
      const [mine, theirs] = [Y.encodeStateAsUpdate(one.doc, to), Y.encodeStateAsUpdate(other.doc, from)];
      Y.applyUpdate(other.doc, mine, "remote");
      Y.applyUpdate(one.doc, theirs, "remote");
    };
    one.write((tr) => tr.replaceWith(0, tr.doc.content.size, Array.from({ length: 12 }, (_, i) => (i % 5 === 4 ? list("x", "y") : paragraph(`block ${i}`)))));
    sync();
    for (let round = 0; round < 120; ++round) {
      for (const side of [one, other]) {
        const places: number[] = [];
        side.state.doc.descendants((node, position) => void (node.isTextblock && places.push(position)));
        const at = places[upTo(places.length)] as number;
        const block = side.state.doc.nodeAt(at) as Node;
        const inside = at + 1 + upTo(block.content.size + 1);
        const top = side.state.doc.resolve(at);
        const kind = upTo(12);
        side.write((tr) => {
          if (kind < 6) return tr.insertText("abc"[upTo(3)] as string, inside);
          if (kind < 8 && block.content.size > 0) return tr.delete(at + 1, inside);
          if (kind === 8) return tr.split(inside);
          if (kind === 9) return tr.addMark(at + 1, inside, (schema.marks["bold"] as never as { create(): never }).create());
          if (kind === 10) return tr.insert(0, list("new"));
          const first = tr.doc.firstChild as Node;
          return tr.doc.childCount > 4 && top.depth === 0 ? tr.delete(0, first.nodeSize) : tr;
        });
      }
      if (upTo(3) > 0) continue;
      sync();
      for (const { state, fragment, mapping } of [one, other]) {
        expect(mapping.shown).toBe(state.doc);
        expect(state.doc.toJSON().content).toEqual(readFragment(fragment, schema).blocks.map((node) => node.toJSON()));
        expect(fragment.toArray().map((part) => mapping.get(part))).toEqual(state.doc.children.slice());
      }
      expect(one.state.doc.toJSON()).toEqual(other.state.doc.toJSON());
    }
  });
});
