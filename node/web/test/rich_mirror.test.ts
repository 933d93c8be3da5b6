import { getSchema } from "@tiptap/core";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { contentExtensions } from "../src/rich/content";
import { readFragment, unknownNodes } from "../src/rich/mirror";
import { findIn, neighbourOf } from "../src/rich/find";
import { figuresOf, headingAt } from "../src/rich/words";

const schema = getSchema([...contentExtensions(), ...unknownNodes]);

function fragmentOf(...blocks: (Y.XmlElement | Y.XmlText)[]): Y.XmlFragment {
  const fragment = new Y.Doc().getXmlFragment("default");
  fragment.insert(0, blocks);
  return fragment;
}

function block(name: string, ...children: (Y.XmlElement | Y.XmlText)[]): Y.XmlElement {
  const made = new Y.XmlElement(name);
  made.insert(0, children);
  return made;
}

const text = (content: string) => new Y.XmlText(content);

describe("readFragment", () => {
  it("reads what it knows, and writes nothing", () => {
    const marked = text("");
    marked.insert(0, "bold", { bold: {}, glow: {} });
    const fragment = fragmentOf(block("heading", text("Title")), block("paragraph", marked));
    const before = Y.encodeStateAsUpdate(fragment.doc as Y.Doc);
    const { blocks, mapping } = readFragment(fragment, schema);
    expect(blocks.map(String)).toEqual(['heading("Title")', 'paragraph(bold("bold"))']);
    expect(mapping.get(fragment.get(0) as never)).toBe(blocks[0]);
    expect(Y.encodeStateAsUpdate(fragment.doc as Y.Doc)).toEqual(before);
  });

  it("shows the text of what it does not know, in its place", () => {
    const fragment = fragmentOf(
      block("callout", block("paragraph", text("Mind the gap"))),
      block("verse", text("A rose")),
      block("paragraph", text("Dear "), block("mention", text("Ada"))),
      text("loose"),
    );
    expect(readFragment(fragment, schema).blocks.map(String)).toEqual([
      'unknownBlock(paragraph("Mind the gap"))',
      'unknownText("A rose")',
      'paragraph("Dear ", unknownText("Ada"))',
      'unknownText("loose")',
    ]);
  });

  it("is a paragraph where there is nothing", () => {
    expect(readFragment(fragmentOf(), schema).blocks.map(String)).toEqual(["paragraph"]);
  });
});

const paragraph = (content: string) => schema.node("paragraph", null, content ? schema.text(content) : []);

describe("findIn", () => {
  const doc = schema.node("doc", null, [
    paragraph("One and one"),
    schema.node("bulletList", null, schema.node("listItem", null, paragraph("one.two (one)"))),
    schema.node("paragraph", null, [schema.text("on"), schema.node("hardBreak"), schema.text("e "), schema.text("on", [schema.mark("bold")]), schema.text("e")]),
  ]);
  const found = (text: string, matchCase = false) => findIn(doc, { text, matchCase }).map(({ from, to }) => doc.textBetween(from, to));

  it("finds across marks, within a line", () => {
    expect(found("one")).toEqual(["One", "one", "one", "one", "one"]);
    expect(found("one", true)).toEqual(["one", "one", "one", "one"]);
  });
  it("takes signs for what they are", () => {
    expect(found("(one)")).toEqual(["(one)"]);
    expect(found("e.t")).toEqual(["e.t"]);
    expect(found("")).toEqual([]);
  });
  it("goes on from where one is, and around", () => {
    const matches = [{ from: 2, to: 4 }, { from: 6, to: 8 }];
    expect(neighbourOf(matches, { from: 1, to: 1 }, 1)).toBe(0);
    expect(neighbourOf(matches, { from: 2, to: 4 }, 1)).toBe(1);
    expect(neighbourOf(matches, { from: 6, to: 8 }, 1)).toBe(0);
    expect(neighbourOf(matches, { from: 2, to: 4 }, -1)).toBe(1);
    expect(neighbourOf(matches, { from: 9, to: 9 }, -1)).toBe(1);
    expect(neighbourOf([], { from: 1, to: 1 }, 1)).toBe(-1);
  });
});

describe("figures", () => {
  const doc = schema.node("doc", null, [
    schema.node("heading", { level: 1 }, schema.text("Plan")),
    paragraph("Don't wait: go."),
    schema.node("heading", { level: 2 }, schema.text("Later")),
    paragraph(""),
  ]);
  it("count words, and characters without line ends", () => {
    expect(figuresOf(doc)).toEqual({ words: 5, characters: 24 });
  });
  it("know below which heading one is", () => {
    expect([headingAt(doc, 0), headingAt(doc, 8), headingAt(doc, doc.content.size)]).toEqual(["Plan", "Plan", "Later"]);
    expect(headingAt(schema.node("doc", null, paragraph("x")), 1)).toBe("");
  });
});
