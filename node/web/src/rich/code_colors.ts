// Colours of code, computed for blocks that changed: the stock plugin goes over the document twice for
// each letter, whether there is code in it or not.

import type { Node, NodeType } from "@tiptap/pm/model";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";

import { freshBlocks } from "./differences";

/** As lowlight gives it. */
export interface Colored {
  value?: string;
  properties?: { className?: string[] };
  children?: Colored[];
}

export type Highlight = (language: string, text: string) => Colored;

/** By the node, which is another when anything in it is. */
const remembered = new WeakMap<Node, Colored>();

const key = new PluginKey<DecorationSet>("codeColors");

function colorsOf(block: Node, position: number, highlight: Highlight): Decoration[] {
  const found: Decoration[] = [];
  let at = position + 1;
  const visit = ({ value = "", properties, children }: Colored, around: readonly string[]) => {
    const classes = [...around, ...(properties?.className ?? [])];
    for (const child of children ?? []) visit(child, classes);
    if (children) return;
    if (classes.length > 0) found.push(Decoration.inline(at, at + value.length, { class: classes.join(" ") }));
    at += value.length;
  };
  const { language } = block.attrs;
  if (typeof language !== "string") return found;
  const colored = remembered.get(block) ?? highlight(language, block.textContent);
  remembered.set(block, colored);
  visit(colored, []);
  return found;
}

/** Of all code within a block that stands right in the document. */
function colorsWithin(node: Node, position: number, type: NodeType, highlight: Highlight): Decoration[] {
  if (node.type === type) return colorsOf(node, position, highlight);
  const found: Decoration[] = [];
  node.descendants((inner, offset) => {
    if (inner.type === type) found.push(...colorsOf(inner, position + 1 + offset, highlight));
    return !inner.isTextblock;
  });
  return found;
}

export const codeColors = (type: NodeType, highlight: Highlight) =>
  new Plugin<DecorationSet>({
    key,
    state: {
      init: (_config, { doc }) => {
        const found: Decoration[] = [];
        doc.forEach((node, position) => found.push(...colorsWithin(node, position, type, highlight)));
        return DecorationSet.create(doc, found);
      },
      apply: (tr, before, { doc }) => {
        if (!tr.docChanged) return before;
        let set = before.map(tr.mapping, tr.doc);
        for (const { node, position } of freshBlocks(doc, tr.doc)) {
          const old = set.find(position, position + node.nodeSize);
          if (old.length > 0) set = set.remove(old);
          const colors = colorsWithin(node, position, type, highlight);
          if (colors.length > 0) set = set.add(tr.doc, colors);
        }
        return set;
      },
    },
    props: { decorations: (state) => key.getState(state) },
  });
