// Where comments are in the text: what the events say, as Yjs relative positions.

import * as Y from "yjs";

import type { TextPlace } from "../editor/handle";
import type { MessageAnchor } from "../events";

export function toBase64url(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Null for what is none. */
export function fromBase64url(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

function placeAt(text: Y.Text, from: number, to: number): TextPlace | null {
  if (from >= to || to > text.length) return null;
  // The start stays before what it is before, the end behind what it is behind.
  const position = (index: number, side: 0 | -1) =>
    Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(text, index, side));
  return { start: position(from, 0), end: position(to, -1) };
}

/** Where `quote` is, nearest to `near`; without one, nothing. */
function nearest(text: string, quote: string, near: number): number | null {
  if (quote === "") return null;
  const before = text.lastIndexOf(quote, near);
  const after = text.indexOf(quote, near);
  if (before < 0) return after < 0 ? null : after;
  return after >= 0 && after - near < near - before ? after : before;
}

/** The characters that lines are, of which `quote` stood there. */
export function rangeOfLines(text: string, first: number, last: number, quote: string): { from: number; to: number } | null {
  let from = 0;
  for (let line = 1; line < first; line++) {
    const end = text.indexOf("\n", from);
    if (end < 0) return null;
    from = end + 1;
  }
  const trimmed = quote.replace(/\n+$/, "");
  const found = nearest(text, trimmed, from);
  if (trimmed !== "") return found === null ? null : { from: found, to: found + trimmed.length };
  let to = from;
  for (let line = first; line <= last; line++) {
    const end = text.indexOf("\n", line === first ? from : to + 1);
    to = end < 0 ? text.length : end;
    if (end < 0) break;
  }
  return to > from ? { from, to } : null;
}

const readable = (encoded: Uint8Array | null): encoded is Uint8Array => {
  if (!encoded) return false;
  try {
    Y.decodeRelativePosition(encoded);
    return true;
  } catch {
    return false;
  }
};

/** Where a comment is; null: nowhere that could be shown. `text` is that of code, null of rich text. */
export function placeOf(anchor: MessageAnchor, text: Y.Text | null, textRoot: string): TextPlace | null {
  const { start, end, range, lines, root, quote } = anchor;
  if (start !== undefined && end !== undefined) {
    const place = { start: fromBase64url(start), end: fromBase64url(end) };
    return readable(place.start) && readable(place.end) ? { start: place.start, end: place.end } : null;
  }
  if (!text) return null;
  if (range && root === textRoot) return placeAt(text, range.from, range.to);
  if (lines) {
    const found = rangeOfLines(text.toString(), lines.first, lines.last ?? lines.first, quote);
    return found && placeAt(text, found.from, found.to);
  }
  return null;
}

/** All of the text that it is about was deleted. False while its text has not come here. */
export function isGone({ start, end }: TextPlace, doc: Y.Doc): boolean {
  const [first, last] = [start, end].map((one) =>
    Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(one), doc),
  );
  if (!first || !last) return false;
  return first.type === last.type && first.index >= last.index;
}

/** Its text has come here. */
export const isHere = ({ start }: TextPlace, doc: Y.Doc): boolean =>
  Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(start), doc) !== null;
