import { describe, expect, it } from "vitest";

import { align, type Block, similarity, wordChanges } from "../src/versions/rich_diff";

const block = (text: string, key = text): Block => ({ key, text });
const blocks = (...texts: string[]) => texts.map((text) => block(text));
const shown = (before: Block[], after: Block[]) => align(before, after).map((row) => [row.kind, row.before, row.after]);

describe("align", () => {
  it("sets equal blocks beside each other", () => {
    expect(shown(blocks("a", "b"), blocks("a", "b"))).toEqual([["same", 0, 0], ["same", 1, 1]]); // prettier-ignore
    expect(shown([], [])).toEqual([]);
  });

  it("leaves a place empty where a block was added or removed", () => {
    expect(shown(blocks("first line", "third line"), blocks("first line", "something else", "third line"))).toEqual([
      ["same", 0, 0],
      ["added", null, 1],
      ["same", 1, 2],
    ]);
    expect(shown(blocks("one", "two"), blocks("two"))).toEqual([["removed", 0, null], ["same", 1, 0]]); // prettier-ignore
  });

  it("pairs a block with what was made of it, whatever stands between", () => {
    const before = blocks("The mesh needs no server.", "It works offline.");
    const after = blocks("A new beginning entirely different", "The mesh needs no central server.", "It works offline.");
    expect(shown(before, after)).toEqual([["added", null, 0], ["changed", 0, 1], ["same", 1, 2]]); // prettier-ignore
  });

  it("does not pair what has nothing in common", () => {
    expect(shown(blocks("alpha beta gamma"), blocks("one two three"))).toEqual([
      ["removed", 0, null],
      ["added", null, 0],
    ]);
  });

  it("takes what is written into an empty block for a change of it", () => {
    expect(shown(blocks("Questions", ""), blocks("Questions", "Who pays?"))).toEqual([["same", 0, 0], ["changed", 1, 1]]); // prettier-ignore
    expect(shown(blocks("", "one two three"), blocks("one two four"))).toEqual([["removed", 0, null], ["changed", 1, 0]]); // prettier-ignore
  });

  it("tells a change of formatting from one of words", () => {
    expect(shown([block("text", "p")], [block("text", "h1")])).toEqual([["format", 0, 0]]);
  });

  it("names each block once, in order, also of long documents", () => {
    const before = Array.from({ length: 300 }, (_, n) => block(`old ${n} words here`));
    const after = Array.from({ length: 250 }, (_, n) => block(`new ${n} words here`));
    const rows = align(before, after);
    const side = (name: "before" | "after") => rows.map((row) => row[name]).filter((index) => index !== null);
    expect(side("before")).toEqual(before.map((_, index) => index));
    expect(side("after")).toEqual(after.map((_, index) => index));
  });
});

describe("similarity", () => {
  it("is of words, not of their order", () => {
    expect(similarity("a b c", "a b c")).toBe(1);
    expect(similarity("a b", "b a")).toBe(1);
    expect(similarity("a", "b")).toBe(0);
    expect(similarity("", "")).toBe(1);
    expect(similarity("a a b", "a b b")).toBeCloseTo(2 / 3);
  });
});

describe("wordChanges", () => {
  const pieces = (before: string, after: string) => {
    const { before: gone, after: come } = wordChanges(before, after);
    const of = (text: string, spans: { from: number; to: number }[]) => spans.map(({ from, to }) => text.slice(from, to));
    return { gone: of(before, gone), come: of(after, come) };
  };

  it("marks whole words", () => {
    expect(pieces("the old house", "the new house")).toEqual({ gone: ["old"], come: ["new"] });
    expect(pieces("same", "same")).toEqual({ gone: [], come: [] });
  });

  it("marks the gap between two changed words, too", () => {
    expect(pieces("a red car drove", "a blue train drove")).toEqual({ gone: ["red car"], come: ["blue train"] });
  });

  it("marks what was only added or taken out", () => {
    const { gone, come } = pieces("one three", "one two three");
    expect(gone).toEqual([]);
    expect(come.join("").trim()).toBe("two");
  });
});
