// What is typed is written where it was typed.
//
// y-tiptap compares the text before with the text after and does not know of the caret: of "th|end" and
// "the|end" it cannot tell which "e" is new, and takes the second. Then what the other at the same place
// writes comes between the "h" and the "e" of one's word.

import { Mark, type Node } from "@tiptap/pm/model";
import { XmlElement, XmlText } from "yjs";

import type { Mapping } from "./mirror";

/** The only child that differs; null: none, or more than one. */
function onlyChange(before: Node, after: Node): number | null {
  if (before.childCount !== after.childCount) return null;
  let at: number | null = null;
  for (let i = 0; i < after.childCount; ++i) {
    if (before.child(i) === after.child(i)) continue;
    if (at !== null) return null;
    at = i;
  }
  return at;
}

/**
 * Writes the change of `part`, which stood for `before`, to `after`, if it is text put in or taken out at
 * `caret` (from the start of the node's content); says in `mapping` what stands for what. False: it is
 * more than that, and nothing was done.
 */
export function writeTyped(part: XmlElement, before: Node, after: Node, caret: number, mapping: Mapping): boolean {
  if (part.nodeName !== after.type.name || !before.sameMarkup(after)) return false;
  const done = after.isTextblock ? writeText(part, before, after, caret, mapping) : writeChild(part, before, after, caret, mapping);
  if (done) mapping.set(part as never, after);
  return done;
}

function writeChild(part: XmlElement, before: Node, after: Node, caret: number, mapping: Mapping): boolean {
  const index = onlyChange(before, after);
  if (index === null || part.length !== after.childCount) return false;
  const child: unknown = part.get(index);
  if (!(child instanceof XmlElement)) return false;
  let start = 1;
  for (let i = 0; i < index; ++i) start += after.child(i).nodeSize;
  return writeTyped(child, before.child(index), after.child(index), caret - start, mapping);
}

function writeText(part: XmlElement, before: Node, after: Node, caret: number, mapping: Mapping): boolean {
  const text: unknown = part.length === 1 ? part.get(0) : null;
  if (!(text instanceof XmlText) || text.length !== before.content.size) return false;
  const isPlain = ({ children }: Node) => children.every((child) => child.isText);
  if (!isPlain(before) || !isPlain(after)) return false;
  const grown = after.content.size - before.content.size;
  // What was put in ends at the caret, what was taken out began there.
  const from = grown > 0 ? caret - grown : caret;
  if (grown === 0 || from < 0 || caret > after.content.size) return false;
  const [cutFrom, cutTo] = [from, from + Math.max(0, -grown)];
  if (!before.content.cut(0, cutFrom).eq(after.content.cut(0, from))) return false;
  if (!before.content.cut(cutTo).eq(after.content.cut(caret))) return false;
  if (grown > 0) {
    const [typed, ...more] = after.content.cut(from, caret).content;
    // Yjs gives it the look of what is on its left.
    const left = from > 0 ? after.content.cut(from - 1, from).firstChild?.marks : Mark.none;
    if (!typed?.text || more.length > 0 || !Mark.sameSet(typed.marks, left ?? Mark.none)) return false;
    text.insert(from, typed.text);
  } else {
    text.delete(cutFrom, cutTo - cutFrom);
  }
  mapping.set(text as never, Array.from(after.children));
  return true;
}
