import { getSchema } from "@tiptap/core";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { contentExtensions } from "../src/rich/content";
import { firstPlace, isUntouched } from "../src/rich/first_caret";

const schema = getSchema(contentExtensions());
const block = (type: string, text = "") => schema.node(type, null, text ? [schema.text(text)] : []);

describe("the first caret", () => {
  it("stands in the first empty block", () => {
    const list = schema.node("bulletList", null, [schema.node("listItem", null, [block("paragraph")])]);
    const doc = schema.node("doc", null, [block("heading", "Plan"), list, block("paragraph")]);
    expect(doc.resolve(firstPlace(doc)).parent.eq(block("paragraph"))).toBe(true);
    expect(firstPlace(doc)).toBe("Plan".length + 2 + 3);
  });
  it("or behind the first words", () => {
    expect(firstPlace(schema.node("doc", null, [block("heading", "Plan"), block("paragraph", "by")]))).toBe("Plan".length + 1);
  });
  it("is for documents in which nobody wrote", () => {
    const seed = new Y.Doc();
    seed.clientID = 2 ** 51 + 7;
    seed.getXmlFragment("default").insert(0, [new Y.XmlElement("paragraph")]);
    const doc = new Y.Doc();
    expect(isUntouched(doc)).toBe(false);
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(seed));
    expect(isUntouched(doc)).toBe(true);
    doc.getXmlFragment("default").insert(0, [new Y.XmlElement("paragraph")]);
    expect(isUntouched(doc)).toBe(false);
  });
});
