// A text in every empty paragraph, from the beginning.
//
// The binding makes a paragraph's Y.XmlText with its first letter. If two people begin to write in an
// empty paragraph at once, there are two of them, which each side then makes one of by copying: letters
// come twice or are lost. So whoever makes an empty block puts an empty text into it at once.

import type { Schema } from "@tiptap/pm/model";
import * as Y from "yjs";

function collect(element: Y.XmlElement, schema: Schema, found: Y.XmlElement[]): void {
  if (element.length === 0 && schema.nodes[element.nodeName]?.isTextblock) found.push(element);
  for (const child of element.toArray() as unknown[]) if (child instanceof Y.XmlElement) collect(child, schema, found);
}

/** The empty text blocks that `transaction` made within `fragment`. */
export function emptyBlocks(fragment: Y.XmlFragment, schema: Schema, transaction: Y.Transaction): Y.XmlElement[] {
  const found: Y.XmlElement[] = [];
  for (const type of transaction.changed.keys()) {
    const shared = type as unknown;
    if (!(shared instanceof Y.XmlFragment) || shared instanceof Y.XmlText) continue;
    const { _item } = shared;
    if (shared !== fragment && (!_item || _item.deleted || !Y.isParentOf(fragment, _item))) continue;
    for (const child of shared.toArray() as unknown[]) {
      if (!(child instanceof Y.XmlElement) || !child._item) continue;
      const { client, clock } = child._item.id;
      if (clock >= (transaction.beforeState.get(client) ?? 0)) collect(child, schema, found);
    }
  }
  return found;
}
