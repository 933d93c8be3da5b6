import { describe, expect, it } from "vitest";

import type { DocumentInfo } from "../src/api";
import { buildTree, documentRow, findFolder, type Row } from "../src/home/listing";
import { planMove } from "../src/home/move_plan";
import { cleanFolder, cleanPart, freePath, isFileName, suggestPath } from "../src/home/naming";
import { pathProblem } from "../src/route";

describe("names", () => {
  it.each([
    ["a/b", "a-b"],
    [" two\n lines ", "two lines"],
    ["..", ""],
    ["weiß 日本", "weiß 日本"],
  ])("%j as a part of a path is %j", (name, part) => expect(cleanPart(name)).toBe(part));

  it.each([
    ["notes", "notes/"],
    ["/notes//2026/", "notes/2026/"],
    ["../x", "x/"],
    ["", ""],
  ])("%j as a folder is %j", (typed, folder) => expect(cleanFolder(typed)).toBe(folder));

  it("get a number where they are taken", () => {
    const taken = new Set(["a.md", "a (2).md", "x/plan", "b.tar.gz"]);
    expect(freePath("a.md", taken)).toBe("a (3).md");
    expect(freePath("x/plan", taken)).toBe("x/plan (2)");
    expect(freePath("b.tar.gz", taken)).toBe("b.tar (2).gz");
    expect(freePath("c.md", taken)).toBe("c.md");
  });

  it("are files' names where they say so", () => {
    expect(isFileName("main.py")).toBe(true);
    expect(isFileName("src/main.py")).toBe(true);
    expect(isFileName("Plan for main.py")).toBe(false);
    expect(isFileName("Version 1.2")).toBe(false);
  });
});

describe("where a new document would be", () => {
  const taken = new Set(["Weekly plan"]);
  it.each([
    ["Weekly plan", "", "rich", "", "Weekly plan (2)"],
    ["Weekly plan", "notes", "rich", "", "notes/Weekly plan"],
    ["Parser: tests & more!", "src/", "code", "rust", "src/parser-tests-more.rs"],
    ["parser.rs", "src/", "code", "rust", "src/parser.rs"],
    ["lib/parser.rs", "src/", "code", "rust", "src/lib/parser.rs"],
    ["To do", "", "plain", "", "To do.txt"],
    ["and/or", "", "rich", "", "and-or"],
    ["  ", "notes", "rich", "", ""],
    ["!!!", "", "code", "python", "untitled.py"],
  ] as const)("%j in %j as %s %s is %j", (title, folder, kind, language, path) => {
    expect(suggestPath({ title, folder, kind, language }, taken)).toBe(path);
    if (path !== "") expect(pathProblem(path)).toBeNull();
  });
});

describe("moving", () => {
  const doc = (path: string): DocumentInfo => ({ id: path, path, created: 1, changed: 1, clients: 0 });
  const documents = [doc("a.md"), doc("n/a.md"), doc("n/deep/b.md"), doc("m/c.md")];
  const folderRow = (path: string): Row => {
    const folder = findFolder(buildTree(documents), path);
    if (!folder) throw new Error(`no ${path}`);
    return { type: "folder", key: path, folder };
  };
  const documentAt = (path: string) => documentRow(doc(path));

  it("takes a folder along with all below it", () => {
    expect(planMove([folderRow("n/")], documents, "m")).toEqual({
      folder: "m/",
      moves: [{ id: "n/a.md", path: "m/n/a.md" }, { id: "n/deep/b.md", path: "m/n/deep/b.md" }],
    });
  });

  it("leaves what is there already", () => {
    expect(planMove([documentAt("m/c.md"), documentAt("a.md")], documents, "m/")).toEqual({
      folder: "m/",
      moves: [{ id: "a.md", path: "m/a.md" }],
    });
  });

  it("refuses what cannot be", () => {
    expect(planMove([documentAt("a.md")], documents, "n/")).toEqual({ problem: "taken", path: "n/a.md" });
    expect(planMove([documentAt("a.md"), documentAt("n/a.md")], documents, "x")).toEqual({ problem: "taken", path: "x/a.md" });
    expect(planMove([folderRow("n/")], documents, "n/deep")).toEqual({ problem: "into_itself" });
  });
});
