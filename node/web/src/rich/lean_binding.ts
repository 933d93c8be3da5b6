// What y-tiptap's binding does at each change, done for what changed only. Of itself it replaces all that
// is shown by all that there is, and compares all that is shown with all that there is: per letter.

import type { Node, Slice } from "@tiptap/pm/model";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import { getRelativeSelection, type ProsemirrorBinding, updateYFragment, ySyncPluginKey } from "@tiptap/y-tiptap";
import { XmlElement } from "yjs";

import { changedRun, replaceChanged } from "./differences";
import type { KeptMapping } from "./kept_mapping";
import { writeTyped } from "./typed_text";

/** What others did, as steps. The nodes that these make, or leave, stand for what was wanted. */
function replaced(tr: Transaction, { content: { content: wanted } }: Slice, binding: ProsemirrorBinding, mapping: KeptMapping): void {
  const before = tr.doc.children;
  // The view keeps to nodes that are equal, and compares all that is in them at each change from then on.
  const alike = wanted.map((node, i) => (before[i] !== node && before[i]?.eq(node) ? before[i] : node));
  replaceChanged(tr, { children: alike });
  const made = tr.doc.children;
  if (made.every((node, i) => node === wanted[i])) return;
  for (const [i, part] of binding.type.toArray().entries()) {
    const node = made[i];
    if (node && node !== wanted[i] && mapping.get(part) === wanted[i]) mapping.set(part, node);
  }
}

/** Writes a change of one block. False: it is more than that. */
function written(doc: Node, binding: ProsemirrorBinding, mapping: KeptMapping): boolean {
  const { shown } = mapping;
  if (!shown || shown.childCount !== doc.childCount) return false;
  const run = changedRun(shown, doc);
  if (!run) return true;
  const part = mapping.part(run.from);
  const node = doc.child(run.from);
  if (run.to !== run.from + 1 || !(part instanceof XmlElement) || part.nodeName !== node.type.name) return false;
  const { head } = binding.prosemirrorView.state.selection;
  const start = mapping.startOf(part) ?? 0;
  if (!writeTyped(part, shown.child(run.from), node, head - start - 1, mapping)) updateYFragment(binding.doc, part, node, binding);
  return true;
}

export function makeLean(binding: ProsemirrorBinding, mapping: KeptMapping): void {
  Object.defineProperty(binding, "_tr", {
    get: (): Transaction => {
      const { state } = binding.prosemirrorView as { state: EditorState };
      const tr = state.tr.setMeta("addToHistory", false);
      const replaceAll = tr.replace;
      tr.replace = (from, to, slice) => {
        tr.replace = replaceAll;
        // Without a block there would be no document.
        if (!slice || slice.content.childCount === 0) return tr.replace(from, to, slice);
        replaced(tr, slice, binding, mapping);
        return tr;
      };
      return tr;
    },
  });
  binding._prosemirrorChanged = (doc: Node) =>
    binding.doc.transact(() => {
      if (!written(doc, binding, mapping)) updateYFragment(binding.doc, binding.type, doc, binding);
      binding.beforeTransactionSelection = getRelativeSelection(binding, binding.prosemirrorView.state);
    }, ySyncPluginKey);
}
