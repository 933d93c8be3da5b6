import { describe, expect, it } from "vitest";

import { filesMax, planImport, textOf } from "../src/home/import_plan";

const limits = { textBytes: 1000, updateBytes: 2000 };
const plan = (files: [string, number][], folder = "", taken: string[] = []) =>
  planImport(files.map(([path, size]) => ({ path, size })), { folder, taken: new Set(taken), limits });

describe("what becomes of brought files", () => {
  it.each([
    ["plan.md", { what: "text", path: "in/plan.md", kind: "code", language: "markdown" }],
    ["todo.txt", { what: "text", path: "in/todo.txt", kind: "plain" }],
    ["src/lib/a.rs", { what: "text", path: "in/src/lib/a.rs", language: "rust" }],
    ["LICENSE", { what: "text", path: "in/LICENSE", kind: "plain" }],
    ["plan.md.yjs", { what: "update", path: "in/plan.md" }],
    ["state.bin", { what: "update", path: "in/state" }],
    ["photo.JPG", { what: "refused" }],
    ["app/node_modules/x/index.js", { what: "refused" }],
    ["a/.DS_Store", { what: "refused" }],
  ])("%s", (path, expected) => {
    expect(plan([[path, 10]], "in/")[0]).toMatchObject(expected);
  });

  it("names are numbered where they are taken, there or among the files", () => {
    const paths = plan([["a.md", 1], ["x/../a.md", 1], ["a.md.yjs", 1], ["b.md", 1]], "", ["a.md"]).map((one) =>
      one.what === "refused" ? null : [one.path, one.renamed],
    );
    expect(paths).toEqual([["a (2).md", true], ["x/a.md", false], ["a (3).md", true], ["b.md", false]]);
  });

  it("too large is refused, with updates allowed more", () => {
    expect(plan([["a.md", 1001], ["a.yjs", 1001], ["b.yjs", 2001], ["c.md", 1000]]).map(({ what }) => what)).toEqual([
      "refused",
      "update",
      "refused",
      "text",
    ]);
  });

  it("too many are refused, the first are not", () => {
    const many = plan(Array.from({ length: filesMax + 2 }, (_, index) => [`f${index}.md`, 1] as [string, number]));
    expect(many.filter(({ what }) => what === "refused")).toHaveLength(2);
    expect(many[filesMax]?.what).toBe("refused");
  });
});

describe("a file's text", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  it("has plain ends of lines and no byte order mark", () => {
    expect(textOf(bytes("\ufeffa\r\nb\rc\n"))).toBe("a\nb\nc\n");
    expect(textOf(new Uint8Array())).toBe("");
  });

  it("is none where the bytes are no UTF-8 text", () => {
    expect(textOf(new Uint8Array([0x68, 0xe9, 0x6c]))).toBeNull();
    expect(textOf(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1]))).toBeNull();
  });
});
