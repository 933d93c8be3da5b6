import { getSchema } from "@tiptap/core";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { spansOf } from "../src/rich/authors";
import { contentExtensions } from "../src/rich/content";
import { readFragment } from "../src/rich/mirror";

const schema = getSchema(contentExtensions());

describe("where texts of rich text are", () => {
  const fragment = new Y.Doc().getXmlFragment("default");
  const element = (name: string, ...parts: (Y.XmlElement | Y.XmlText)[]) => {
    const made = new Y.XmlElement(name);
    made.insert(0, parts);
    return made;
  };
  const [one, two, three, deep] = ["one", "two", "three", "deep"].map((words) => new Y.XmlText(words)) as [Y.XmlText, Y.XmlText, Y.XmlText, Y.XmlText];
  fragment.insert(0, [
    element("heading", one),
    element("paragraph"),
    element("paragraph", two, element("hardBreak"), three),
    element("bulletList", element("listItem", element("paragraph", deep))),
  ]);
  const doc = schema.node("doc", null, readFragment(fragment, schema).blocks);

  it("is where the editor shows them", () => {
    const spans = spansOf(fragment, doc);
    for (const text of [one, two, three, deep]) {
      const begin = spans.get(text)?.begin ?? 0;
      expect(doc.textBetween(begin, begin + text.length)).toBe(text.toString());
    }
  });
  it("is not known where something else is shown", () => {
    const other = schema.node("doc", null, [schema.node("paragraph")]);
    expect(spansOf(fragment, other).size).toBe(0);
  });
});
