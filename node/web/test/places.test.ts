import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import type { TextPlace } from "../src/editor/handle";
import { inOrder } from "../src/room/order";
import { fromBase64url, isGone, placeOf, rangeOfLines, toBase64url } from "../src/room/places";

const docWith = (content: string) => {
  const doc = new Y.Doc();
  const text = doc.getText("monaco");
  text.insert(0, content);
  return { doc, text };
};
const indexes = ({ start, end }: TextPlace, doc: Y.Doc) =>
  [start, end].map((one) => Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(one), doc)?.index);

describe("places of comments", () => {
  it("are written in base64url", () => {
    const bytes = new Uint8Array([251, 255, 0, 62, 63]);
    expect(toBase64url(bytes)).toBe("-_8APj8");
    expect(fromBase64url("-_8APj8")).toEqual(bytes);
    expect(fromBase64url("*")).toBeNull();
  });

  it("move with the text, and are gone with it", () => {
    const { doc, text } = docWith("one two three");
    const place = placeOf({ quote: "two", root: "monaco", range: { from: 4, to: 7 } }, text, "monaco") as TextPlace;
    text.insert(0, "zero ");
    expect(indexes(place, doc)).toEqual([9, 12]);
    // What is written at its edges is not its.
    text.insert(12, "!");
    text.insert(9, "!");
    expect(indexes(place, doc)).toEqual([10, 13]);
    expect(isGone(place, doc)).toBe(false);
    text.delete(9, 5);
    expect(isGone(place, doc)).toBe(true);
    const said = { quote: "two", root: "monaco", start: toBase64url(place.start), end: toBase64url(place.end) };
    expect(placeOf(said, null, "monaco")).toEqual(place);
    expect(placeOf({ ...said, start: "_w" }, null, "monaco")).toBeNull();
    expect(placeOf({ quote: "two" }, text, "monaco")).toBeNull();
  });

  it("of lines are where what was quoted is", () => {
    const content = "a\nfor (;;)\nb\nfor (;;)\nend";
    expect(rangeOfLines(content, 4, 4, "for (;;)")).toEqual({ from: 13, to: 21 });
    expect(rangeOfLines(content, 1, 1, "for (;;)")).toEqual({ from: 2, to: 10 });
    expect(rangeOfLines(content, 2, 3, "")).toEqual({ from: 2, to: 12 });
    expect(rangeOfLines(content, 9, 9, "")).toBeNull();
    expect(rangeOfLines(content, 2, 2, "while")).toBeNull();
  });

  it("give the order, also in rich text", () => {
    const doc = new Y.Doc();
    const root = doc.getXmlFragment("default");
    const paragraphs = ["first", "second"].map((content) => {
      const paragraph = new Y.XmlElement("paragraph");
      const text = new Y.XmlText();
      paragraph.insert(0, [text]);
      root.push([paragraph]);
      text.insert(0, content);
      return text;
    });
    const at = (text: Y.XmlText | undefined, index: number): TextPlace => {
      const position = Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(text as Y.XmlText, index));
      return { start: position, end: position };
    };
    const places = new Map([
      ["late", at(paragraphs[1], 0)],
      ["early", at(paragraphs[0], 3)],
      ["earliest", at(paragraphs[0], 1)],
    ]);
    const comments = ["late", "nowhere", "early", "earliest"].map((id, index) => ({ id, moment: String(index) }));
    expect(inOrder(comments, places, doc).map(({ id }) => id)).toEqual(["earliest", "early", "late", "nowhere"]);
  });
});
