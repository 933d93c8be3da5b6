import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { emptyBlocks } from "../src/rich/empty_blocks";
import { giveParagraphs, inspect, inspectChange, type Findings } from "../src/rich/inspect";
import { merged } from "../src/rich/kept_attributes";
import { schemaOf } from "../src/rich/schema";

const schema = schemaOf(new Map());

type Part = Y.XmlElement | Y.XmlText;

function element(name: string, children: (Part | string)[] = [], attributes: Record<string, string> = {}): Y.XmlElement {
  const made = new Y.XmlElement(name);
  made.insert(0, children.map((child) => (typeof child === "string" ? new Y.XmlText(child) : child)));
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function fragmentOf(...blocks: Part[]): Y.XmlFragment {
  const fragment = new Y.Doc().getXmlFragment("default");
  fragment.insert(0, blocks);
  return fragment;
}

const troubleOf = (...blocks: Part[]) => inspect(fragmentOf(...blocks), schema).trouble;

describe("inspect", () => {
  it("has nothing against what the node's templates make", () => {
    const item = element("listItem", [element("paragraph")]);
    expect(troubleOf(element("heading", ["Notes"], { level: "1" }), element("paragraph", ["by"]), element("bulletList", [item]))).toBeNull();
    expect(inspect(fragmentOf(), schema).trouble).toBeNull();
  });

  it("names an element of another editor, however deep", () => {
    expect(troubleOf(element("callout", ["!"]))).toEqual({ kind: "element", name: "callout" });
    const quote = element("blockquote", [element("paragraph", ["a", element("mention")])]);
    expect(troubleOf(element("paragraph"), quote)).toEqual({ kind: "element", name: "mention" });
  });

  it("names a mark of another editor, and knows those that come with a hash", () => {
    const text = new Y.XmlText();
    text.insert(0, "seen", { bold: {}, "link--abcdEF12": { href: "https://example.org" } });
    expect(troubleOf(element("paragraph", [text]))).toBeNull();
    const lit = new Y.XmlText();
    lit.insert(0, "seen", { highlight: { color: "red" } });
    expect(troubleOf(element("paragraph", [lit]))).toEqual({ kind: "mark", name: "highlight" });
  });

  it("finds what the binding would delete because it is where it does not belong", () => {
    expect(troubleOf(new Y.XmlText("loose"))).toEqual({ kind: "content", name: "doc" });
    expect(troubleOf(element("bulletList", [element("paragraph", ["no item"])]))).toEqual({ kind: "content", name: "bulletList" });
    const bold = new Y.XmlText();
    bold.insert(0, "bold code", { bold: {} });
    expect(troubleOf(element("codeBlock", [bold]))).toEqual({ kind: "content", name: "codeBlock" });
    const embed = new Y.XmlText();
    embed.insertEmbed(0, { formula: "e=mc²" });
    expect(troubleOf(element("paragraph", [embed]))).toEqual({ kind: "element", name: "embed" });
    expect(troubleOf(element("paragraph", [element("image", [], { src: "data:," })]))).toEqual({ kind: "content", name: "paragraph" });
  });

  it("lets the husks go that concurrent deletions leave", () => {
    expect(troubleOf(element("bulletList"))).toBeNull();
    expect(troubleOf(element("table", [element("tableRow")]), element("blockquote"))).toBeNull();
  });

  it("gives list items back the paragraph that they begin with", () => {
    const inner = element("bulletList", [element("listItem", [element("paragraph", ["kept"])])]);
    const fragment = fragmentOf(element("bulletList", [element("listItem", [inner])]));
    const { trouble, headless } = inspect(fragment, schema);
    expect([trouble, headless.length]).toEqual([null, 1]);
    giveParagraphs(headless);
    expect(inspect(fragment, schema)).toMatchObject({ trouble: null, headless: [] });
    expect(fragment.toString()).toContain("<listitem><paragraph></paragraph><bulletlist>");
  });

  it("takes note of attributes that it does not know, and is content once the schema has them", () => {
    const text = new Y.XmlText();
    text.insert(0, "x", { link: { href: "https://example.org", "data-team": "red" } });
    const fragment = fragmentOf(element("paragraph", [text], { textAlign: "center" }));
    const { trouble, unknown } = inspect(fragment, schema);
    expect(trouble).toBeNull();
    expect(unknown).toEqual(new Map([["paragraph", new Set(["textAlign"])], ["link", new Set(["data-team"])]]));
    expect(inspect(fragment, schemaOf(unknown)).unknown.size).toBe(0);
    expect(merged(new Map([["paragraph", new Set(["dir"])]]), unknown).get("paragraph")).toEqual(new Set(["dir", "textAlign"]));
  });
});

describe("inspectChange", () => {
  /** What is found before the observers of a change see it. */
  function found(change: (fragment: Y.XmlFragment) => void): Findings {
    const fragment = fragmentOf(element("paragraph", ["one"]), element("bulletList", [element("listItem", [element("paragraph")])]));
    const doc = fragment.doc as Y.Doc;
    const all: { findings: Findings; observed: boolean }[] = [];
    let observed = false;
    fragment.observeDeep(() => (observed = true));
    doc.on("beforeObserverCalls", (transaction: Y.Transaction) => all.push({ findings: inspectChange(fragment, schema, transaction), observed }));
    doc.transact(() => change(fragment));
    expect(all.length).toBe(1);
    expect(all[0]?.observed).toBe(false);
    return (all[0] as { findings: Findings }).findings;
  }

  it("finds what came in with it, and where", () => {
    expect(found((fragment) => fragment.insert(1, [element("paragraph", ["two"])])).trouble).toBeNull();
    expect(found((fragment) => fragment.insert(1, [element("callout")])).trouble).toEqual({ kind: "element", name: "callout" });
    expect(found((fragment) => (fragment.get(0) as Y.XmlElement).insert(1, [element("emoji")])).trouble?.name).toBe("emoji");
    expect(found((fragment) => ((fragment.get(0) as Y.XmlElement).get(0) as Y.XmlText).format(0, 2, { glow: {} })).trouble).toEqual({ kind: "mark", name: "glow" });
    expect(found((fragment) => (fragment.get(0) as Y.XmlElement).setAttribute("dir", "rtl")).unknown.get("paragraph")).toEqual(new Set(["dir"]));
    expect(found((fragment) => (fragment.get(1) as Y.XmlElement).insert(0, [element("paragraph", ["loose"])])).trouble?.name).toBe("bulletList");
  });

  it("does not look at what is beside the text, or gone", () => {
    expect(found((fragment) => fragment.doc?.getMap("settings").set("layout", "screenplay")).trouble).toBeNull();
    expect(found((fragment) => {
      fragment.insert(0, [element("callout", ["x"])]);
      fragment.delete(0, 1);
    }).trouble).toBeNull();
  });
});

describe("emptyBlocks", () => {
  it("are those that a change made, at any depth, not those before", () => {
    const fragment = fragmentOf(element("paragraph"), element("bulletList", [element("listItem", [element("paragraph")])]));
    let names: string[] = [];
    fragment.doc?.on("beforeObserverCalls", (transaction: Y.Transaction) => {
      names = emptyBlocks(fragment, schema, transaction).map(({ nodeName }) => nodeName);
    });
    fragment.insert(2, [element("heading"), element("horizontalRule"), element("paragraph", ["full"])]);
    expect(names).toEqual(["heading"]);
    (fragment.get(1) as Y.XmlElement).insert(1, [element("listItem", [element("paragraph")])]);
    expect(names).toEqual(["paragraph"]);
  });
});
