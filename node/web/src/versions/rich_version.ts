// Rich text of another time, as page content. Read as the rich editor reads what it must not change:
// nothing is written to the document, and what its schema does not know is shown as such.

import { getSchema } from "@tiptap/core";
import { DOMSerializer, type Node } from "@tiptap/pm/model";
import * as Y from "yjs";

import { contentExtensions } from "../rich/content";
import { showImage } from "../rich/image_view";
import { readFragment, unknownNodes } from "../rich/mirror";
import { richRoot } from "../rich/rich_document";
import { rich } from "../strings/rich";
import type { Block, Span } from "./rich_diff";

const schema = getSchema([...contentExtensions(), ...unknownNodes]);
const serializer = new DOMSerializer(
  // Not by their addresses: looking at a version asks nobody elsewhere for a picture.
  { ...DOMSerializer.nodesFromSchema(schema), image: (node) => showImage(node).dom },
  DOMSerializer.marksFromSchema(schema),
);

export interface RichVersion {
  blocks: Block[];
  /** A new element of one block. */
  render: (index: number) => HTMLElement;
}

/** The text as it is shown: of `element`, all text nodes in a row. */
function textNodes(element: globalThis.Node): Text[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const out: Text[] = [];
  while (walker.nextNode()) out.push(walker.currentNode as Text);
  return out;
}

export function richVersion(doc: Y.Doc): RichVersion {
  const { blocks } = readFragment(doc.getXmlFragment(richRoot), schema);
  // Of an empty document there is one, too: an editor needs it.
  const nodes = blocks.length === 1 && blocks[0]?.content.size === 0 && blocks[0].type.name === "paragraph" ? [] : blocks;
  const render = (node: Node): HTMLElement => {
    const made = serializer.serializeNode(node);
    const element = made instanceof HTMLElement ? made : document.createElement("p");
    if (element !== made) element.append(made);
    // It is a picture of the text: nothing in it can be operated.
    for (const box of element.querySelectorAll("input")) {
      box.disabled = true;
      box.setAttribute("aria-label", rich.taskDone((box.closest("li")?.textContent ?? "").slice(0, 80)));
    }
    for (const link of element.querySelectorAll("a[href]")) link.removeAttribute("href");
    return element;
  };
  return {
    blocks: nodes.map((node) => ({
      key: JSON.stringify(node.toJSON()),
      text: textNodes(render(node)).map(({ data }) => data).join(""),
    })),
    render: (index) => render(nodes[index] as Node),
  };
}

/** As richVersion(), of an update in hexadecimal. */
export function richVersionOf(hex: string): RichVersion {
  const doc = new Y.Doc({ gc: false });
  Y.applyUpdate(doc, Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16)));
  const version = richVersion(doc);
  doc.destroy();
  return version;
}

/** Puts the spans of an element's text into <ins> or <del>. */
export function mark(element: HTMLElement, spans: readonly Span[], tag: "ins" | "del"): void {
  let start = 0;
  for (const node of textNodes(element)) {
    const end = start + node.length;
    const inside = spans.filter(({ from, to }) => from < end && to > start);
    let rest = node;
    let at = start;
    for (const { from, to } of inside) {
      const first = Math.max(from, start);
      const last = Math.min(to, end);
      if (first > at) rest = rest.splitText(first - at);
      const after = last < end ? rest.splitText(last - first) : null;
      const wrapper = document.createElement(tag);
      rest.replaceWith(wrapper);
      wrapper.append(rest);
      at = last;
      if (!after) break;
      rest = after;
    }
    start = end;
  }
}
