import { describe, expect, it } from "vitest";

import type { DocumentInfo } from "../src/api";
import { kindByName, kindOf } from "../src/home/kinds";
import { allFolders, buildTree, crumbs, documentsOf, findFolder, highlighted, namedLike, rowsOf } from "../src/home/listing";
import { recentDocuments } from "../src/home/recent";
import { extended, kept, nothing, only, toggled } from "../src/home/selection";
import { worthAsking } from "../src/home/use_here";

const doc = (path: string, more: Partial<DocumentInfo> = {}): DocumentInfo => ({
  id: path,
  path,
  created: 1,
  changed: 1,
  clients: 0,
  ...more,
});

const documents = [
  doc("readme.md", { changed: 50 }),
  doc("notes/plan 10.md", { changed: 20 }),
  doc("notes/plan 9.md", { changed: 30 }),
  doc("notes/2026/retro.md", { changed: 90 }),
  doc("src/main.py", { changed: 10 }),
  doc("Budget", { changed: 40, title: "A budget", kind: "rich" }),
];

describe("the tree of folders", () => {
  it("has every level, with counts and times of all that is below", () => {
    const top = buildTree(documents);
    expect(top).toMatchObject({ path: "", count: 6, changed: 90 });
    expect(top.folders.map(({ name, count }) => [name, count])).toEqual([["notes", 3], ["src", 1]]);
    expect(findFolder(top, "notes/2026/")).toMatchObject({ path: "notes/2026/", name: "2026", count: 1 });
    expect(findFolder(top, "notes/none/")).toBeNull();
    expect(allFolders(top)).toEqual(["notes/", "notes/2026/", "src/"]);
  });

  it("takes 5,000 documents at once", () => {
    const many = Array.from({ length: 5000 }, (_, index) => doc(`a${index % 50}/b${index % 7}/document ${index}.md`));
    const before = performance.now();
    const top = buildTree(many);
    rowsOf(top, many, "a1/b1/", { key: "name", descending: false });
    expect(top.count).toBe(5000);
    expect(performance.now() - before).toBeLessThan(250);
  });

  it("says the way to a folder", () => {
    expect(crumbs("notes/2026/")).toEqual([{ name: "notes", path: "notes/" }, { name: "2026", path: "notes/2026/" }]);
    expect(crumbs("")).toEqual([]);
  });
});

describe("rows", () => {
  const top = buildTree(documents);
  const keys = (folder: string, key: "name" | "changed" | "kind", descending = false) =>
    rowsOf(top, documents, folder, { key, descending }).map((row) => row.key);

  it.each([
    ["", "name", false, ["notes/", "src/", "Budget", "readme.md"]],
    ["", "name", true, ["src/", "notes/", "readme.md", "Budget"]],
    ["", "changed", true, ["notes/", "src/", "readme.md", "Budget"]],
    ["", "kind", false, ["notes/", "src/", "readme.md", "Budget"]],
    ["notes/", "name", false, ["notes/2026/", "notes/plan 9.md", "notes/plan 10.md"]],
    ["notes/", "changed", true, ["notes/2026/", "notes/plan 9.md", "notes/plan 10.md"]],
  ] as const)("of %j by %s, descending: %s", (folder, key, descending, expected) => {
    expect(keys(folder, key, descending)).toEqual(expected);
  });

  it("stand for all documents below their folders, each once", () => {
    const rows = rowsOf(top, documents, "", { key: "name", descending: false });
    expect(documentsOf(rows, documents)).toHaveLength(6);
    const inNotes = rowsOf(top, documents, "notes/", { key: "name", descending: false });
    expect(documentsOf([...rows.slice(0, 1), ...inNotes], documents).map(({ path }) => path).sort()).toEqual([
      "notes/2026/retro.md",
      "notes/plan 10.md",
      "notes/plan 9.md",
    ]);
  });
});

describe("kinds", () => {
  it.each([
    ["a/main.py", "code", "python"],
    ["Dockerfile", "code", "dockerfile"],
    ["notes.TXT", "plain", ""],
    ["x.tar.md", "code", "markdown"],
  ])("%s is %s %s", (path, kind, language) => expect(kindByName(path)).toEqual({ kind, language }));

  it.each(["Plan", "pl", "Contract", "R", "c", "Recipes"])("%s is no file of code", (name) => {
    expect(kindByName(name)).toBeNull();
  });

  it("are told by properties before names", () => {
    expect(kindByName(".gitignore")).toBeNull();
    expect(kindOf({ path: "a.md", kind: "rich" })).toEqual({ kind: "rich", language: "" });
    expect(kindOf({ path: "a.md", kind: "code", language: "html" })).toEqual({ kind: "code", language: "html" });
    expect(kindOf({ path: "a.md", kind: "" })).toEqual({ kind: "code", language: "markdown" });
    expect(kindOf({ path: "a" })).toEqual({ kind: "plain", language: "" });
  });
});

describe("search", () => {
  it("finds names by all words, those that begin so first", () => {
    expect(namedLike(documents, "plan", 5).map(({ path }) => path)).toEqual(["notes/plan 9.md", "notes/plan 10.md"]);
    expect(namedLike(documents, "notes retro", 5).map(({ path }) => path)).toEqual(["notes/2026/retro.md"]);
    expect(namedLike(documents, "BUDGET", 5)).toHaveLength(1);
    expect(namedLike(documents, "  ", 5)).toEqual([]);
    expect(namedLike(documents, "notes", 2)).toHaveLength(2);
  });

  it("marks what was looked for, whatever the case", () => {
    expect(highlighted("Hello, hello", "HELLO")).toEqual([
      { text: "Hello", found: true },
      { text: ", ", found: false },
      { text: "hello", found: true },
    ]);
    expect(highlighted("nothing", "x")).toEqual([{ text: "nothing", found: false }]);
    expect(highlighted("İİa", "a")).toEqual([{ text: "İİa", found: false }]);
  });
});

describe("what is recent", () => {
  it("is what was opened or changed last", () => {
    const opened = new Map([["src/main.py", 70], ["gone", 99]]);
    expect(recentDocuments(documents, opened).slice(0, 3).map(({ path }) => path)).toEqual([
      "notes/2026/retro.md",
      "src/main.py",
      "readme.md",
    ]);
  });
});

describe("who is in it now", () => {
  it("is asked of what is open here and what was changed a moment ago", () => {
    const now = 1_000_000;
    const some = [doc("old"), doc("new", { changed: now - 1000 }), doc("open", { clients: 2 })];
    expect(worthAsking(some, now)).toEqual(["open", "new"]);
  });
});

describe("selection", () => {
  const order = ["a", "b", "c", "d"];
  it("is toggled and extended from where it began, both ways", () => {
    const from = toggled(nothing, "c");
    expect([...extended(from, "a", order).keys]).toEqual(["a", "b", "c"]);
    expect([...extended(extended(from, "a", order), "d", order).keys]).toEqual(["c", "d"]);
    expect([...toggled(from, "c").keys]).toEqual([]);
    expect([...extended(nothing, "b", order).keys]).toEqual(["b"]);
  });

  it("loses what is not shown any more", () => {
    const three = extended(only("a"), "c", order);
    expect(kept(three, order)).toBe(three);
    expect(kept(three, ["b", "d"])).toEqual({ keys: new Set(["b"]), anchor: null });
  });
});
