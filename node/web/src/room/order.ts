// The order of comments: that of their texts.

import * as Y from "yjs";

import type { TextPlace } from "../editor/handle";

/** Of what begins at a place, from the root down; null: its text is not here. */
function pathOf(place: TextPlace, doc: Y.Doc): number[] | null {
  const position = Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(place.start), doc);
  if (!position) return null;
  const path = [position.index];
  for (let type: unknown = position.type; type instanceof Y.AbstractType && type.parent; type = type.parent) {
    const siblings: unknown[] = type.parent instanceof Y.XmlFragment ? type.parent.toArray() : [];
    path.unshift(siblings.indexOf(type));
  }
  return path;
}

function comparePaths(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** `comments` as their texts stand in the document; those whose text is not here at the end, by age. */
export function inOrder<Comment extends { id: string; moment: string }>(
  comments: readonly Comment[],
  places: ReadonlyMap<string, TextPlace>,
  doc: Y.Doc,
): Comment[] {
  const keyed = comments.map((comment) => {
    const place = places.get(comment.id);
    return { comment, path: place ? pathOf(place, doc) : null };
  });
  keyed.sort((a, b) => {
    if (a.path && b.path) return comparePaths(a.path, b.path) || (a.comment.moment < b.comment.moment ? -1 : 1);
    if (a.path || b.path) return a.path ? -1 : 1;
    return a.comment.moment < b.comment.moment ? -1 : 1;
  });
  return keyed.map(({ comment }) => comment);
}

/** The one after (or before) `active`, round; null where there are none. */
export function neighbour(ids: readonly string[], active: string | null, step: 1 | -1): string | null {
  if (ids.length === 0) return null;
  const at = active === null ? -1 : ids.indexOf(active);
  if (at < 0) return (step > 0 ? ids[0] : ids.at(-1)) ?? null;
  return ids[(at + step + ids.length) % ids.length] ?? null;
}
