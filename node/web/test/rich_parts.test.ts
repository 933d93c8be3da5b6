import { getSchema } from "@tiptap/core";
import { Transform } from "@tiptap/pm/transform";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { describe, expect, it } from "vitest";

import { inserts, lists, textStyles } from "../src/rich/blocks";
import { cursorOf, drawnCarets } from "../src/rich/carets";
import { contrast, textOn } from "../src/rich/colors";
import { contentExtensions } from "../src/rich/content";
import { sourceOf } from "../src/rich/image_view";
import { attempts, bytesMax, fit, sideMax } from "../src/rich/images";
import { shownKeys } from "../src/rich/keys";
import { isLinkable, toAddress } from "../src/rich/links";
import { elementKinds, kindAfter, kindsOf, neighbour } from "../src/rich/screenplay";
import { matching } from "../src/rich/slash";
import { toolsThatFit } from "../src/rich/toolbar_fit";
import { colors } from "../src/person";

const schema = getSchema(contentExtensions());

describe("links", () => {
  it("go where nothing runs in the page", () => {
    expect(["https://a.org", "http://a.org", "mailto:a@b.org", "tel:+123"].map(isLinkable)).toEqual([true, true, true, true]);
    const bad = ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc", "/relative", ""];
    expect(bad.map(isLinkable)).toEqual(bad.map(() => false));
  });
  it("are made of what people type", () => {
    expect(toAddress(" example.org/a?b ")).toBe("https://example.org/a?b");
    expect(toAddress("localhost:7420")).toBe("https://localhost:7420");
    expect(toAddress("example.org:8080/x")).toBe("https://example.org:8080/x");
    expect(toAddress("ada@example.org")).toBe("mailto:ada@example.org");
    expect(toAddress("http://example.org")).toBe("http://example.org");
    expect(["javascript:alert(1)", "two words", "", "nowhere"].map(toAddress)).toEqual([null, null, null, null]);
  });
});

describe("images", () => {
  it("fit, and keep their shape", () => {
    expect(fit({ width: 3200, height: 800 }, sideMax)).toEqual({ width: 1600, height: 400 });
    expect(fit({ width: 10, height: 20 }, sideMax)).toEqual({ width: 10, height: 20 });
    expect(fit({ width: 9000, height: 1 }, sideMax).height).toBe(1);
  });
  it("are tried smaller and smaller", () => {
    const sizes = attempts({ width: 4000, height: 4000 }).map(({ width, quality }) => width * quality);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(bytesMax).toBe(409600);
  });
  it("are shown only if they are in the document", () => {
    expect(sourceOf("data:image/png;base64,AA")).toEqual({ inside: "data:image/png;base64,AA" });
    expect(sourceOf("https://tracker.example/x.gif")).toEqual({ host: "tracker.example" });
    expect(["data:text/html,x", "blob:x", "x.png", null, 7].map(sourceOf)).toEqual([null, null, null, null, null]);
  });
});

describe("text on a person's colour", () => {
  it("has 4.5:1 on any of them", () => {
    for (const color of [...colors, "#ffff00", "#777777", "#000000", "#ffffff", "#808080"]) {
      expect(contrast(color, textOn(color))).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  });
});

describe("carets", () => {
  const position = { type: null, tname: "default", item: null, assoc: 0 };
  it("leave out what is no position", () => {
    expect(cursorOf({ cursor: { anchor: "x", head: 3 } })).toBeNull();
    expect(cursorOf({ cursor: null })).toBeNull();
    expect(cursorOf(undefined)).toBeNull();
    expect(cursorOf({ cursor: { anchor: position, head: position } })).toEqual({ anchor: position, head: position });
  });
  it("are known where they were carried to", () => {
    const widget = (at: number, client: number) => Decoration.widget(at, () => ({}) as never, { client, caret: true });
    const selected = (from: number, to: number, client: number) => Decoration.inline(from, to, {}, { client });
    const doc = schema.node("doc", null, ["first line", "second line"].map((line) => schema.node("paragraph", null, schema.text(line))));
    const set = DecorationSet.create(doc, [widget(3, 1), widget(5, 2), selected(5, 16, 2), widget(8, 3), selected(4, 8, 3)]);
    const where = (of: DecorationSet) => Array.from(drawnCarets(of), ([client, { anchor, head }]) => `${client}:${anchor}-${head}`).sort();
    expect(where(set)).toEqual(["1:3-3", "2:16-5", "3:4-8"]);
    const { mapping, doc: typed } = new Transform(doc).insert(2, schema.text("ab"));
    expect(where(set.map(mapping, typed))).toEqual(["1:5-5", "2:18-7", "3:6-10"]);
  });
});

describe("screenplay", () => {
  const line = (text: string, level = 0) => ({ text, kind: null, level });
  it("knows the lines of the template", () => {
    const lines = [line("by"), line("INT. PLACE - DAY", 2), line("What is seen."), line("NAME"), line("What is said."), line("FADE OUT", 2)];
    expect(kindsOf(lines)).toEqual(["action", "scene", "action", "character", "dialogue", "transition"]);
  });
  it("knows parentheses, and what it was told goes first", () => {
    const lines = [line("ext. garden"), line("ADA"), line("(softly)"), line("Yes."), line(""), line("CUT TO:"), { ...line("Loud"), kind: "character" as const }, line("No.")];
    expect(kindsOf(lines)).toEqual(["scene", "character", "parenthetical", "dialogue", "action", "transition", "character", "dialogue"]);
  });
  it("goes round all kinds with Tab, and on with Enter", () => {
    let kind = elementKinds[0] as (typeof elementKinds)[number];
    const seen = elementKinds.map(() => (kind = neighbour(kind, 1)));
    expect(new Set(seen).size).toBe(elementKinds.length);
    expect(neighbour("scene", -1)).toBe("transition");
    expect([kindAfter("character"), kindAfter("dialogue"), kindAfter("transition")]).toEqual(["dialogue", "action", "scene"]);
  });
});

describe("the menu of blocks", () => {
  const blocks = [...textStyles, ...lists, ...inserts(() => {})];
  const found = (query: string) => matching(blocks, query).map(({ id }) => id);
  it("finds by the beginning of a word of any of the names", () => {
    expect(found("").length).toBe(blocks.length);
    expect(found("h2")).toEqual(["heading2"]);
    expect(found("TODO")).toEqual(["taskList"]);
    expect(found("list")).toEqual(["bulletList", "orderedList", "taskList"]);
    expect(found("zzz")).toEqual([]);
  });
});

describe("the toolbar", () => {
  it("shows as many tools as fit, none before one that does not", () => {
    const groups = [2, 6, 3, 5, 1];
    expect(toolsThatFit(groups, 359)).toEqual([2, 2, 0, 0, 0]);
    expect(toolsThatFit(groups, Infinity)).toEqual(groups);
    expect(toolsThatFit(groups, 100)).toEqual([0, 0, 0, 0, 0]);
    expect(toolsThatFit(groups, 840).reduce((sum, count) => sum + count)).toBe(17);
  });
  it("says shortcuts as the machine does", () => {
    expect(shownKeys("Mod-Shift-8", false)).toBe("Ctrl+Shift+8");
    expect(shownKeys("Mod-Shift-8", true)).toBe("⇧⌘8");
  });
});
