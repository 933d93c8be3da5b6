import { describe, expect, it } from "vitest";

import * as Y from "yjs";

import { combined, readingsOf, sharesOf, textAt } from "../src/versions/authorship";
import { Writers } from "../src/versions/people";

const by = (device: string) => ({ device, first: 1, last: 2, verified: true });
const range = (path: (string | number)[], index: number, text: string, device: string | null) => ({
  path,
  index,
  length: text.length,
  text,
  by: device === null ? null : by(device),
});

describe("readingsOf", () => {
  it("takes the texts that editors show, and nothing else", () => {
    const answer = [range(["default", 0, 0], 0, "rich", "a"), range(["monaco"], 0, "one ", "a"), range(["monaco"], 4, "two", "b")];
    expect(readingsOf(answer, "monaco")).toEqual([
      { path: ["monaco"], text: "one two", ranges: [{ from: 0, to: 4, by: "a" }, { from: 4, to: 7, by: "b" }] }, // prettier-ignore
    ]);
    expect(readingsOf(answer, "default")).toEqual([{ path: ["default", 0, 0], text: "rich", ranges: [{ from: 0, to: 4, by: "a" }] }]);
  });

  it("leaves out whom nobody knows, and keeps the place of what is no text", () => {
    expect(readingsOf([range(["monaco"], 0, "ab", null), range(["monaco"], 3, "c", "a")], "monaco")).toEqual([
      { path: ["monaco"], text: "ab\ufffcc", ranges: [{ from: 3, to: 4, by: "a" }] },
    ]);
  });
});

describe("combined", () => {
  const doc = new Y.Doc();
  const paragraph = (text: string) => {
    const element = new Y.XmlElement("paragraph");
    element.insert(0, [new Y.XmlText(text)]);
    return element;
  };
  doc.getXmlFragment("default").insert(0, [paragraph("one"), paragraph("two")]);
  doc.getText("monaco").insert(0, "one two");
  const at = (path: (string | number)[]) => textAt(doc, path) as Y.Text;

  it("finds texts where the node has them", () => {
    expect(at(["default", 1, 0]).toString()).toBe("two");
    expect(at(["monaco"]).toString()).toBe("one two");
    for (const path of [["default"], ["default", 0], ["default", 7, 0], ["other", 0]]) expect(textAt(doc, path)).toBeNull();
  });
  it("takes what was written since for one's own in code", () => {
    const readings = readingsOf([range(["monaco"], 0, "one", "a")], "monaco");
    expect(combined(doc, readings, null, "b").get(at(["monaco"]))).toEqual([{ from: 0, to: 3, by: "a" }, { from: 3, to: 7, by: "b" }]); // prettier-ignore
  });
  it("keeps what was known where another paragraph stands by now", () => {
    const readings = readingsOf([range(["default", 0, 0], 0, "new", "a"), range(["default", 1, 0], 0, "two", "a")], "default");
    const before = new Map([[at(["default", 0, 0]), [{ from: 0, to: 3, by: "b" }]]]);
    const known = combined(doc, readings, before, null);
    expect(known.get(at(["default", 0, 0]))).toEqual([{ from: 0, to: 3, by: "b" }]);
    expect(known.get(at(["default", 1, 0]))).toEqual([{ from: 0, to: 3, by: "a" }]);
  });
});

describe("sharesOf", () => {
  it("counts the devices of a person together", () => {
    const writers = new Writers({ names: { a: "Anna", p: "Phone", b: "Ben" }, persons: { a: "a", p: "a", b: "b" } });
    const ranges = [{ from: 0, to: 1, by: "p" }, { from: 1, to: 2, by: "b" }, { from: 2, to: 4, by: "a" }]; // prettier-ignore
    expect(sharesOf(ranges, writers).map(({ writer, percent }) => [writer.name, percent])).toEqual([["Anna", 75], ["Ben", 25]]); // prettier-ignore
  });
});
