import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { fixesFor, fixText } from "../src/editor/plain_text";

describe("fixText", () => {
  it.each([
    ["", ""],
    ["a\nb\u2028c", "a\nb\u2028c"],
    ["a\r\nb\r\n", "a\nb\n"],
    ["a\rb\r\r\nc", "a\nb\n\nc"],
    ["\ufeffa\ufeff", "a\ufeff"],
    ["\r", "\n"],
  ])("makes %j into %j", (before, after) => {
    const text = new Y.Doc().getText("monaco");
    text.insert(0, before);
    fixText(text);
    expect(text.toString()).toBe(after);
    expect(fixesFor(after)).toEqual([]);
  });

  it("leaves one line end when two people fix the same file at once", () => {
    const docs = [new Y.Doc(), new Y.Doc()] as const;
    docs[0].getText("monaco").insert(0, "a\r\nb\r\n");
    Y.applyUpdate(docs[1], Y.encodeStateAsUpdate(docs[0]));
    for (const doc of docs) fixText(doc.getText("monaco"));
    Y.applyUpdate(docs[1], Y.encodeStateAsUpdate(docs[0]));
    expect(docs[1].getText("monaco").toString()).toBe("a\nb\n");
  });
});
