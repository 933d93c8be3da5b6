// A document as far as it is known, for those who must not change it. Nothing is written to Yjs, unlike
// by the stock binding, which writes as soon as it sees something that does not fit its schema.

import { Extension, Node as TiptapNode } from "@tiptap/core";
import { Fragment, type Mark, type Node, type Schema, Slice } from "@tiptap/pm/model";
import { Plugin } from "@tiptap/pm/state";
import { ReplaceStep } from "@tiptap/pm/transform";
import { ySyncPluginKey } from "@tiptap/y-tiptap";
import * as Y from "yjs";

import { rich } from "../strings/rich";
import { describe, markName, partsOf } from "./inspect";

export type Mapping = Map<Y.AbstractType<unknown>, Node | Node[]>;

const unknownNode = (name: string, group: string, content: string) =>
  TiptapNode.create({
    name,
    group,
    content,
    inline: group === "inline",
    addAttributes: () => ({ of: { default: "", rendered: false } }),
    renderHTML: ({ node }) => [
      group === "inline" ? "span" : "div",
      { class: "unknown", "data-label": rich.unknownShown(String(node.attrs["of"])) },
      0,
    ],
  });

/** What stands for elements of other editors. */
export const unknownNodes = [
  unknownNode("unknownBlock", "block", "block*"),
  unknownNode("unknownText", "block", "inline*"),
  unknownNode("unknownInline", "inline", "inline*"),
];

class Reading {
  readonly mapping: Mapping = new Map();

  constructor(private readonly schema: Schema) {}

  children(type: Y.XmlFragment): Node[] {
    return (type.toArray() as unknown[]).flatMap((child) => {
      if (child instanceof Y.XmlHook) return [];
      if (child instanceof Y.XmlText) return this.text(child);
      return child instanceof Y.XmlElement ? [this.element(child)] : [];
    });
  }

  private element(element: Y.XmlElement): Node {
    const children = this.children(element);
    const known = this.schema.nodes[element.nodeName];
    const inline = children.length > 0 && children.every((one) => one.isInline);
    const type = known ?? this.schema.nodes[inline ? "unknownText" : "unknownBlock"];
    if (!type) throw new Error("the schema has no node for what is unknown");
    const attributes = known ? element.getAttributes() : { of: element.nodeName };
    const node = type.create(attributes, type.isLeaf ? null : Fragment.fromArray(children));
    this.mapping.set(element as unknown as Y.AbstractType<unknown>, node);
    return node;
  }

  private text(text: Y.XmlText): Node[] {
    const nodes = partsOf(text).map(({ insert, attributes = {} }) => {
      const marks = Object.entries(attributes).flatMap(([key, value]): Mark[] => {
        const type = this.schema.marks[markName(key)];
        return type ? [type.create(value as Record<string, unknown>)] : [];
      });
      return typeof insert === "string"
        ? this.schema.text(insert, marks.reduce((set, mark) => mark.addToSet(set), [] as readonly Mark[]))
        : (this.schema.nodes["unknownInline"] as NonNullable<(typeof this.schema.nodes)[string]>).create({ of: describe(insert) });
    });
    this.mapping.set(text as unknown as Y.AbstractType<unknown>, nodes);
    return nodes;
  }
}

/** `fragment` as blocks of `schema`, which has `unknownNodes`, and where each part of it is. */
export function readFragment(fragment: Y.XmlFragment, schema: Schema): { blocks: Node[]; mapping: Mapping } {
  const reading = new Reading(schema);
  const blocks: Node[] = [];
  for (const node of reading.children(fragment)) {
    const last = blocks[blocks.length - 1];
    if (node.isBlock) blocks.push(node);
    // Text that is in no block, which only a broken tool writes.
    else if (last?.type.name === "unknownText") blocks[blocks.length - 1] = last.copy(last.content.addToEnd(node));
    else blocks.push((schema.nodes["unknownText"] as typeof node.type).create({ of: "text" }, node));
  }
  if (blocks.length === 0) blocks.push((schema.nodes["paragraph"] as NonNullable<(typeof schema.nodes)[string]>).create());
  return { blocks, mapping: reading.mapping };
}

/**
 * Shows `fragment`, and what becomes of it. Has the place and the state of y-tiptap's own plugin, by
 * which others' cursors and places of comments are found.
 */
export const mirror = (fragment: Y.XmlFragment) =>
  Extension.create({
    name: "mirror",
    priority: 1000,
    addProseMirrorPlugins() {
      const binding = { mapping: new Map() as Mapping };
      return [
        new Plugin({
          key: ySyncPluginKey,
          state: {
            init: () => ({ type: fragment, doc: fragment.doc, binding, snapshot: null, prevSnapshot: null, isChangeOrigin: false }),
            apply: (tr, state) => ({ ...state, isChangeOrigin: tr.getMeta(ySyncPluginKey)?.isChangeOrigin === true }),
          },
          // Of all changes only its own.
          filterTransaction: (tr) => !tr.docChanged || tr.getMeta(ySyncPluginKey)?.isChangeOrigin === true,
          view: (view) => {
            let frame = 0;
            const show = () => {
              frame = 0;
              const { blocks, mapping } = readFragment(fragment, view.state.schema);
              binding.mapping = mapping;
              const slice = new Slice(Fragment.fromArray(blocks), 0, 0);
              const tr = view.state.tr.step(new ReplaceStep(0, view.state.doc.content.size, slice));
              view.dispatch(tr.setMeta(ySyncPluginKey, { isChangeOrigin: true }));
            };
            const later = () => (frame ||= requestAnimationFrame(show));
            fragment.observeDeep(later);
            // Not now: the view is being made.
            later();
            return {
              destroy: () => {
                cancelAnimationFrame(frame);
                fragment.unobserveDeep(later);
              },
            };
          },
        }),
      ];
    },
  });
