// Where the caret stands in a document that a template was put into, until somebody writes.

import type { Editor } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { TextSelection } from "@tiptap/pm/state";
import type * as Y from "yjs";

/** Clients of what nodes write alike (node/core/rooms/templates.hpp): from here to twice that. */
const sharedClientsMin = 2 ** 51;

export function isUntouched(doc: Y.Doc): boolean {
  const clients = [...doc.store.clients.keys()];
  return clients.length > 0 && clients.every((client) => client >= sharedClientsMin && client < 2 * sharedClientsMin);
}

/** In the first empty block, or where nothing is empty behind the first words. */
export function firstPlace(doc: Node): number {
  let place: number | null = null;
  doc.descendants((node, position) => {
    if (place === null && node.isTextblock && node.content.size === 0) place = position + 1;
    return place === null && !node.isTextblock;
  });
  return place ?? TextSelection.atStart(doc).$head.end();
}

export function placeFirstCaret(editor: Editor, doc: Y.Doc): void {
  if (!editor.isEditable || !isUntouched(doc)) return;
  const { tr } = editor.state;
  editor.view.dispatch(tr.setSelection(TextSelection.create(tr.doc, firstPlace(tr.doc))));
}
