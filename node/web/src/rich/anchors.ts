// Comments and suggestions as highlights in the text.

import { Extension } from "@tiptap/core";
import { type EditorState, Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";

import type { Anchor } from "../editor/handle";
import { isFromYjs, resolvePlace } from "./places";

interface AnchorState {
  anchors: readonly Anchor[];
  set: DecorationSet;
}

export const anchorsKey = new PluginKey<AnchorState>("anchors");

function decorate(state: EditorState, anchors: readonly Anchor[]): DecorationSet {
  const decorations = anchors.flatMap((anchor) => {
    const from = resolvePlace(state, anchor.start);
    const to = resolvePlace(state, anchor.end);
    if (from === null || to === null || from >= to) return [];
    const attributes = {
      class: "anchor",
      "data-anchor": anchor.id,
      "data-kind": anchor.kind,
      ...(anchor.resolved ? { "data-resolved": "" } : {}),
      ...(anchor.active ? { "data-active": "" } : {}),
    };
    return [Decoration.inline(from, to, attributes, { id: anchor.id })];
  });
  return DecorationSet.create(state.doc, decorations);
}

/** Where each comment is now; those whose text is gone are left out. */
export function anchorRanges(state: EditorState): Map<string, { from: number; to: number }> {
  const ranges = new Map<string, { from: number; to: number }>();
  // One comment over several blocks has several decorations.
  for (const { from, to, spec } of anchorsKey.getState(state)?.set.find() ?? []) {
    const id = (spec as { id: string }).id;
    const known = ranges.get(id);
    ranges.set(id, { from: Math.min(from, known?.from ?? from), to: Math.max(to, known?.to ?? to) });
  }
  return ranges;
}

export const anchorsExtension = (onClick: (id: string) => void) =>
  Extension.create({
    name: "anchors",
    addProseMirrorPlugins: () => [
      new Plugin<AnchorState>({
        key: anchorsKey,
        state: {
          init: () => ({ anchors: [], set: DecorationSet.empty }),
          apply: (tr, { anchors, set }, _before, state) => {
            const given = tr.getMeta(anchorsKey) as readonly Anchor[] | undefined;
            // What comes from Yjs may bring text back, or replace blocks: nothing can be mapped through that.
            if (given || isFromYjs(state)) return { anchors: given ?? anchors, set: decorate(state, given ?? anchors) };
            return tr.docChanged ? { anchors, set: set.map(tr.mapping, tr.doc) } : { anchors, set };
          },
        },
        props: {
          decorations: (state) => anchorsKey.getState(state)?.set,
          handleClick: (view, position) => {
            const hit = anchorsKey.getState(view.state)?.set.find(position, position) ?? [];
            const ids = hit.map(({ spec }) => (spec as { id: string }).id);
            const last = ids[ids.length - 1];
            // The caret goes there, too.
            if (last !== undefined) onClick(last);
            return false;
          },
        },
      }),
    ],
  });
