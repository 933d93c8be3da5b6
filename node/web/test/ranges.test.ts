import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { deltaBetween, percents, type Range, shares, shift } from "../src/versions/ranges";

const ranges: Range<string>[] = [
  { from: 0, to: 5, by: "a" },
  { from: 5, to: 10, by: "b" },
];

describe("shift", () => {
  it("moves what stands after an insertion, and splits what it is in", () => {
    expect(shift(ranges, [{ retain: 2 }, { insert: "xy" }], "c")).toEqual([
      { from: 0, to: 2, by: "a" },
      { from: 2, to: 4, by: "c" },
      { from: 4, to: 7, by: "a" },
      { from: 7, to: 12, by: "b" },
    ]);
  });

  it("leaves a gap where nobody knows yet who wrote it", () => {
    expect(shift(ranges, [{ retain: 5 }, { insert: "x" }], null)).toEqual([
      { from: 0, to: 5, by: "a" },
      { from: 6, to: 11, by: "b" },
    ]);
  });

  it("cuts what was deleted, also across authors", () => {
    expect(shift(ranges, [{ retain: 3 }, { delete: 4 }], null)).toEqual([
      { from: 0, to: 3, by: "a" },
      { from: 3, to: 6, by: "b" },
    ]);
    expect(shift(ranges, [{ delete: 10 }], null)).toEqual([]);
  });

  it("joins what one author typed in a row", () => {
    expect(shift([{ from: 0, to: 2, by: "a" }], [{ retain: 2 }, { insert: "b" }], "a")).toEqual([
      { from: 0, to: 3, by: "a" },
    ]);
  });

  it("takes a replacement, and edits at both ends", () => {
    expect(shift(ranges, [{ insert: "!" }, { retain: 4 }, { insert: "zz" }, { delete: 2 }, { retain: 4 }, { insert: "?" }], "c")).toEqual([
      { from: 0, to: 1, by: "c" },
      { from: 1, to: 5, by: "a" },
      { from: 5, to: 7, by: "c" },
      { from: 7, to: 11, by: "b" },
      { from: 11, to: 12, by: "c" },
    ]);
  });

  it("keeps gaps", () => {
    const gap = [{ from: 0, to: 2, by: "a" }, { from: 6, to: 8, by: "b" }]; // prettier-ignore
    expect(shift(gap, [{ retain: 4 }, { insert: "x" }], null)).toEqual([
      { from: 0, to: 2, by: "a" },
      { from: 7, to: 9, by: "b" },
    ]);
  });

  it("follows any edits of a text that Yjs reports", () => {
    const doc = new Y.Doc();
    const text = doc.getText();
    let followed: Range<string>[] = [];
    text.observe((event) => {
      followed = shift(followed, event.delta, "w");
    });
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let n = 0; n < 300; n++) {
      doc.transact(() => {
        for (let edits = 0; edits <= random(3); edits++) {
          const at = random(text.length + 1);
          if (random(3) > 0) text.insert(at, "abcdef".slice(0, 1 + random(5)));
          else text.delete(at, Math.min(random(6), text.length - at));
        }
      });
      // All of it is by one author: one range, or none of an empty text.
      expect(followed).toEqual(text.length === 0 ? [] : [{ from: 0, to: text.length, by: "w" }]);
    }
  });
});

describe("deltaBetween", () => {
  const apply = (before: string, after: string) => {
    const doc = new Y.Doc();
    const text = doc.getText();
    text.insert(0, before);
    text.applyDelta(deltaBetween(before, after));
    return text.toString();
  };

  it.each([
    ["", "abc"],
    ["abc", ""],
    ["abc", "abc"],
    ["aaa", "aa"],
    ["aa", "aaaa"],
    ["one two three", "one 2 three"],
    ["x", "completely other"],
  ])("makes %j into %j", (before, after) => expect(apply(before, after)).toBe(after));

  it("is nothing where nothing changed", () => expect(deltaBetween("abc", "abc")).toEqual([{ retain: 3 }]));
});

describe("shares", () => {
  it("sums by author, most first", () => {
    const more = [...ranges, { from: 10, to: 20, by: "a" }];
    expect(shares(more)).toEqual([{ by: "a", characters: 15 }, { by: "b", characters: 5 }]); // prettier-ignore
  });

  it("gives percents that sum up to 100", () => {
    expect(percents([1, 1, 1])).toEqual([34, 33, 33]);
    expect(percents([999, 1])).toEqual([100, 0]);
    expect(percents([])).toEqual([]);
    expect(percents([0])).toEqual([0]);
  });
});
