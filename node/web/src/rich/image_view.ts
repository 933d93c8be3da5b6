// How an image is shown. Only what is in the document itself: an address elsewhere is not asked, as
// whoever runs it would learn who reads the document, and when.

import type { Node } from "@tiptap/pm/model";
import type { NodeView } from "@tiptap/pm/view";

import { rich } from "../strings/rich";

/** What an image's `src` is: of this document, somewhere else, or nothing. */
export function sourceOf(src: unknown): { inside: string } | { host: string } | null {
  if (typeof src !== "string") return null;
  if (/^data:image\/[a-z0-9.+-]+[;,]/i.test(src)) return { inside: src };
  try {
    const { host, protocol } = new URL(src);
    return /^https?:$/.test(protocol) && host ? { host } : null;
  } catch {
    return null;
  }
}

function fill(figure: HTMLElement, { attrs }: Node): void {
  const source = sourceOf(attrs["src"]);
  const alt = typeof attrs["alt"] === "string" ? attrs["alt"] : "";
  if (source && "inside" in source) {
    const image = figure.querySelector("img") ?? document.createElement("img");
    if (image.getAttribute("src") !== source.inside) image.src = source.inside;
    image.alt = alt;
    image.draggable = false;
    figure.replaceChildren(image);
    return;
  }
  const note = document.createElement("span");
  note.className = "image-note";
  note.textContent = [source ? rich.imageElsewhere(source.host) : rich.imageBroken, alt].filter(Boolean).join(" ");
  figure.replaceChildren(note);
}

export function showImage(node: Node): NodeView {
  const dom = document.createElement("figure");
  dom.className = "image";
  fill(dom, node);
  return {
    dom,
    update: (changed) => {
      if (changed.type !== node.type) return false;
      fill(dom, changed);
      return true;
    },
    ignoreMutation: () => true,
  };
}
