import { describe, expect, it } from "vitest";

import { regroup } from "../src/rich/groups";

describe("groups of blocks", () => {
  const letters = (text: string) => text.split("");
  const grouped = (text: string, before: string[]) => regroup(letters(text), before.map(letters), 3).map((group) => group.join(""));

  it("are of one size in the beginning", () => {
    expect(grouped("abcdefgh", [])).toEqual(["abc", "def", "gh"]);
    expect(grouped("", [])).toEqual([]);
  });
  it("stay as they are around a change", () => {
    expect(grouped("abcXdefgh", ["abc", "def", "gh"])).toEqual(["abcX", "def", "gh"]);
    expect(grouped("Xabcdefgh", ["abc", "def", "gh"])).toEqual(["Xabc", "def", "gh"]);
    expect(grouped("abcdfgh", ["abc", "def", "gh"])).toEqual(["abc", "df", "gh"]);
    expect(grouped("abcgh", ["abc", "def", "gh"])).toEqual(["abc", "gh"]);
  });
  it("are parted when they grow", () => {
    expect(grouped("abcd1234567ef", ["abcd", "ef"])).toEqual(["abc", "d12", "345", "67", "ef"]);
  });
  it("keep the order of what moved", () => {
    for (const moved of ["defabcgh", "ghdefabc", "hgfedcba", "abghcdef"]) {
      expect(grouped(moved, ["abc", "def", "gh"]).join("")).toBe(moved);
    }
  });
});
