import { getSchema } from "@tiptap/core";
import type { Mark, Node } from "@tiptap/pm/model";
import { EditorState } from "@tiptap/pm/state";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { contentExtensions } from "../src/rich/content";
import { type Mapping, readFragment, unknownNodes } from "../src/rich/mirror";
import { writeTyped } from "../src/rich/typed_text";

const schema = getSchema([...contentExtensions(), ...unknownNodes]);

function element(name: string, ...children: (Y.XmlElement | Y.XmlText)[]): Y.XmlElement {
  const made = new Y.XmlElement(name);
  made.insert(0, children);
  return made;
}

/** A document of one block, as shown. */
function shown(block: Y.XmlElement) {
  const fragment = new Y.Doc().getXmlFragment("default");
  fragment.insert(0, [block]);
  const { blocks, mapping } = readFragment(fragment, schema);
  return { fragment, before: blocks[0] as Node, mapping };
}

/** Puts `text` in place of what is from `from` to `to` in the block, and writes it. */
function type({ fragment, before, mapping }: ReturnType<typeof shown>, from: number, to: number, text: string, marks?: readonly Mark[]) {
  const state = EditorState.create({ doc: schema.node("doc", null, [before]) });
  const content = text ? schema.text(text, marks ?? state.doc.resolve(from + 1).marks()) : [];
  const after = state.tr.replaceWith(from + 1, to + 1, content).doc.child(0);
  const done = writeTyped(fragment.get(0) as Y.XmlElement, before, after, from + text.length, mapping);
  return { done, after, read: readFragment(fragment, schema).blocks[0] as Node };
}

const paragraph = (text: string) => element("paragraph", new Y.XmlText(text));

describe("what is typed", () => {
  it("is written where it was typed, also before the same letter", () => {
    const given = shown(paragraph("begin thend"));
    const block = given.fragment.get(0) as Y.XmlElement;
    const end = Y.createRelativePositionFromTypeIndex(block.get(0) as unknown as Y.Text, 8);
    expect(type(given, 8, 8, "e").done).toBe(true);
    expect(block.toString()).toBe("<paragraph>begin theend</paragraph>");
    // The "e" of "end" is still that of "end".
    expect(Y.createAbsolutePositionFromRelativePosition(end, given.fragment.doc as Y.Doc)?.index).toBe(9);
  });

  it("is what is shown, in any text, with any marks", () => {
    let written = 0;
    for (let seed = 1; seed <= 400; ++seed) {
      let state = seed;
      const pick = (below: number) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const given = shown(paragraph(""));
      const text = (given.fragment.get(0) as Y.XmlElement).get(0) as Y.XmlText;
      for (let i = pick(5); i > 0; --i) text.insert(text.length, "abab".slice(pick(4)), pick(2) ? { bold: {} } : { bold: null });
      const { blocks, mapping } = readFragment(given.fragment, schema);
      const from = pick(text.length + 1);
      const to = pick(2) ? from : Math.min(text.length, from + pick(3));
      const before = text.toString();
      const { done, after, read } = type({ ...given, before: blocks[0] as Node, mapping }, from, to, pick(2) ? "ba".slice(pick(2)) : "");
      if (!done) continue;
      written += 1;
      expect(read.toString(), `seed ${seed}: ${before}`).toBe(after.toString());
      expect(Array.from(mapping.values()), `seed ${seed}`).toContain(after);
    }
    expect(written).toBeGreaterThan(100);
  });

  it("is written in lists, too", () => {
    const inner = paragraph("thend");
    const list = element("bulletList", element("listItem", paragraph("one")), element("listItem", inner));
    const { before, mapping, fragment } = shown(list);
    const doc = schema.node("doc", null, [before]);
    const at = doc.content.size - "end".length - 3;
    const state = EditorState.create({ doc });
    const after = state.tr.insertText("e", at).doc.child(0);
    expect(writeTyped(list, before, after, at, mapping)).toBe(true);
    expect(inner.toString()).toBe("<paragraph>theend</paragraph>");
    expect(readFragment(fragment, schema).blocks[0]?.toString()).toBe(after.toString());
    const nodes = (part: unknown) => (mapping as Mapping).get(part as never);
    expect([list, list.get(1), inner].map(nodes)).toEqual([after, after.child(1), after.child(1).child(0)]);
  });

  it("is left to others where it is more than that", () => {
    const bold = schema.marks["bold"]?.create() as Mark;
    expect(type(shown(paragraph("one two")), 3, 3, "x", [bold]).done).toBe(false);
    expect(type(shown(paragraph("one two")), 3, 5, "xy").done).toBe(false);
    const broken = shown(element("paragraph", new Y.XmlText("a"), element("hardBreak"), new Y.XmlText("b")));
    expect(type(broken, 1, 1, "x").done).toBe(false);
    expect(broken.fragment.toString()).toBe("<paragraph>a<hardbreak></hardbreak>b</paragraph>");
  });
});
