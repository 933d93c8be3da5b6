import { describe, expect, it } from "vitest";

import { rangesOf, sharesOf } from "../src/versions/authorship";
import { Writers } from "../src/versions/people";

const by = (device: string) => ({ device, first: 1, last: 2, verified: true });
const range = (path: (string | number)[], index: number, text: string, device: string | null) => ({
  path,
  index,
  length: text.length,
  text,
  by: device === null ? null : by(device),
});

describe("rangesOf", () => {
  it("takes the text that editors show, and nothing else", () => {
    const answer = [range(["default", 0, 0], 0, "rich", "a"), range(["monaco"], 0, "one ", "a"), range(["monaco"], 4, "two", "b")];
    expect(rangesOf(answer)).toEqual({
      text: "one two",
      ranges: [{ from: 0, to: 4, by: "a" }, { from: 4, to: 7, by: "b" }], // prettier-ignore
    });
  });

  it("leaves out whom nobody knows, and keeps the place of what is no text", () => {
    expect(rangesOf([range(["monaco"], 0, "ab", null), range(["monaco"], 3, "c", "a")])).toEqual({
      text: "ab\ufffcc",
      ranges: [{ from: 3, to: 4, by: "a" }],
    });
  });
});

describe("sharesOf", () => {
  it("counts the devices of a person together", () => {
    const writers = new Writers({ names: { a: "Anna", p: "Phone", b: "Ben" }, persons: { a: "a", p: "a", b: "b" } });
    const ranges = [{ from: 0, to: 1, by: "p" }, { from: 1, to: 2, by: "b" }, { from: 2, to: 4, by: "a" }]; // prettier-ignore
    expect(sharesOf(ranges, writers).map(({ writer, percent }) => [writer.name, percent])).toEqual([["Anna", 75], ["Ben", 25]]); // prettier-ignore
  });
});
