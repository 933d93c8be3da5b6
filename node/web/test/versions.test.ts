import { describe, expect, it } from "vitest";

import type { AutomaticVersion, NamedVersion } from "../src/versions/api";
import { Writers, writersOf } from "../src/versions/people";
import { before, byAuthor, dayOf, entriesOf, inOrder, newSince, timeline } from "../src/versions/timeline";

const minute = 60_000;
const noon = new Date(2026, 10, 22, 12, 0).getTime();

const automatic = (id: string, time: number, more: Partial<AutomaticVersion> = {}): AutomaticVersion => ({
  kind: "automatic",
  id,
  time,
  first: time - minute,
  elements: 10,
  current: false,
  updates: 1,
  inserted: 5,
  deleted: 1,
  authors: [{ device: "a", inserted: 5, deleted: 1 }],
  ...more,
});
const named = (id: string, time: number, name: string): NamedVersion => ({
  kind: "named",
  id,
  time,
  name,
  elements: 10,
  by: "b",
  named: time + minute,
});

describe("entriesOf", () => {
  it("has the current version first, asked for as what the document is now", () => {
    const entries = entriesOf([automatic("2", noon, { current: true }), automatic("1", noon - 60 * minute)]);
    expect(entries.map(({ at, current }) => [at, current])).toEqual([["now", true], ["1", false]]); // prettier-ignore
  });

  it("makes one of a version and the name of the same moment", () => {
    const entries = entriesOf([named("n", noon, "Draft"), automatic("2", noon), automatic("1", noon - 60 * minute)]);
    expect(entries).toHaveLength(2);
    expect(entries[0]).toMatchObject({ at: "n", name: "Draft", inserted: 5, namedBy: "b", authors: [{ device: "a" }] });
  });

  it("keeps what the document is now current when it has a name", () => {
    const entries = entriesOf([named("n", noon, "Final"), automatic("2", noon, { current: true })]);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ at: "now", name: "Final", current: true });
  });

  it("says nothing about changes of a named version between two automatic ones", () => {
    const entries = entriesOf([automatic("2", noon), named("n", noon - minute / 2, "Halfway")]);
    expect(entries.map(({ at, inserted }) => [at, inserted])).toEqual([["2", 5], ["n", null]]); // prettier-ignore
  });

  it("shows both of two names of one moment", () => {
    const entries = entriesOf([named("m", noon, "A"), named("n", noon, "B"), automatic("2", noon)]);
    expect(entries.map(({ name }) => name).sort()).toEqual(["A", "B"]);
  });
});

describe("timeline", () => {
  const entries = entriesOf([
    automatic("5", noon, { current: true }),
    automatic("4", noon - 30 * minute),
    named("n", noon - 60 * minute, "Draft"),
    automatic("3", noon - 90 * minute),
    automatic("2", noon - 25 * 60 * minute),
    named("m", noon - 26 * 60 * minute, "Outline"),
    automatic("1", noon - 27 * 60 * minute),
  ]);

  it("puts automatic versions under the named one after them", () => {
    const days = timeline(entries, true);
    expect(days.map(({ key }) => key)).toEqual([dayOf(noon), dayOf(noon - 26 * 60 * minute)]);
    const items = days.flatMap((day) => day.items);
    expect(items.map(({ at, under }) => [at, under.map((one) => one.at)])).toEqual([
      ["now", []],
      ["4", []],
      ["n", ["3", "2"]],
      ["m", ["1"]],
    ]);
  });

  it("lists all by day when nothing is folded", () => {
    const days = timeline(entries, false);
    expect(days.map(({ items }) => items.map(({ at }) => at))).toEqual([["now", "4", "n", "3"], ["2", "m", "1"]]); // prettier-ignore
  });

  it("groups by local days", () => {
    const midnight = new Date(2026, 10, 22).getTime();
    const days = timeline(entriesOf([automatic("2", midnight), automatic("1", midnight - 1)]), true);
    expect(days.map(({ key }) => key)).toEqual(["2026-11-22", "2026-11-21"]);
  });

  it("finds the version before, and the order of two", () => {
    expect(before(entries, "now")?.at).toBe("4");
    expect(before(entries, "1")).toBeNull();
    expect(before(entries, "gone")).toBeNull();
    expect(inOrder(entries, "now", "3")).toEqual(["3", "now"]);
    expect(inOrder(entries, "3", "now")).toEqual(["3", "now"]);
  });

  it("filters by author, but never hides what the document is", () => {
    const some = entriesOf([
      automatic("3", noon, { current: true }),
      automatic("2", noon - minute, { authors: [{ device: "b", inserted: 1, deleted: 0 }] }),
      automatic("1", noon - 60 * minute),
    ]);
    expect(byAuthor(some, (device) => device === "b").map(({ at }) => at)).toEqual(["now", "2"]);
  });

  it("counts what is new since a list was read", () => {
    const known = entriesOf([automatic("1", noon, { current: true })]);
    const later = [automatic("1", noon), automatic("2", noon + 20 * minute), automatic("3", noon + 40 * minute, { current: true })];
    expect(newSince(entriesOf(later), known)).toBe(1);
    expect(newSince(known, known)).toBe(0);
    expect(newSince(known, [])).toBe(0);
  });
});

describe("Writers", () => {
  const devices = { aa: "Anna", a2: "Anna’s phone", bb: "Ben", cc: "Chris", "00": "(pruned)" };
  const people = { names: devices, persons: { aa: "aa", a2: "aa", bb: "bb", cc: "cc" } };

  it("takes all devices of a person for one", () => {
    const writers = new Writers(people);
    expect(writers.of("a2")).toBe(writers.of("aa"));
    expect(writers.of("a2").name).toBe("Anna");
    const authors = ["a2", "bb", "aa"].map((device) => ({ device, inserted: 1, deleted: 0 }));
    expect(writersOf(authors, writers).map(({ name }) => name)).toEqual(["Anna", "Ben"]);
  });

  it("gives few people different colours, the same in each window", () => {
    const seen = ["aa", "bb", "cc"].map((id) => new Writers(people).of(id).color);
    expect(new Set(seen).size).toBe(3);
    expect(["cc", "bb", "aa"].map((id) => new Writers(people).of(id).color).reverse()).toEqual(seen);
  });

  it("has a name for a device that nobody knows, and for what was pruned", () => {
    const writers = new Writers(people);
    expect(writers.of("0123456789").name).toContain("012345");
    expect(writers.of("0000").name).toBe("before the kept history");
  });
});
