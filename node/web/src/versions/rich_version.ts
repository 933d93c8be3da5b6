// Rich text of another time, as page content: made of its Yjs update by the editor's own schema.

import { yXmlFragmentToProseMirrorRootNode } from "@tiptap/y-tiptap";
import { DOMSerializer, type Node } from "@tiptap/pm/model";
import * as Y from "yjs";

import type { Block, Span } from "./rich_diff";
import { schema } from "./schema";

/** The root type of rich text (docs/PROTOCOL.md, "Templates"). */
const richRoot = "default";

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
  const root = yXmlFragmentToProseMirrorRootNode(doc.getXmlFragment(richRoot), schema);
  const serializer = DOMSerializer.fromSchema(schema);
  const nodes: Node[] = [];
  root.forEach((node) => nodes.push(node));
  const render = (node: Node): HTMLElement => {
    const made = serializer.serializeNode(node);
    const element = made instanceof HTMLElement ? made : document.createElement("p");
    if (element !== made) element.append(made);
    // It is a picture of the text: nothing in it can be operated.
    for (const control of element.querySelectorAll("input, button, select, textarea")) control.setAttribute("disabled", "");
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
