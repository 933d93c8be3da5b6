// Places in a document that stay where they are while others edit: Yjs relative positions.

import type { EditorState } from "@tiptap/pm/state";
import { absolutePositionToRelativePosition, relativePositionToAbsolutePosition, ySyncPluginKey } from "@tiptap/y-tiptap";
import * as Y from "yjs";

import { KeptMapping } from "./kept_mapping";
import type { Mapping } from "./mirror";

interface SyncState {
  type: Y.XmlFragment;
  doc: Y.Doc;
  binding: { mapping: Mapping } | null;
}

const syncOf = (state: EditorState) => ySyncPluginKey.getState(state) as SyncState | undefined;

/** What knows where each block is, if it knows it of what `state` shows. */
function keptOf({ doc }: EditorState, sync: SyncState | undefined): KeptMapping | null {
  const mapping = sync?.binding?.mapping;
  return mapping instanceof KeptMapping && mapping.shown === doc ? mapping : null;
}

/** The text that is all of a block; null: it has none, or more than one, or something else. */
function onlyText(part: unknown): Y.XmlText | null {
  if (!(part instanceof Y.XmlElement) || part.length !== 1) return null;
  const text: unknown = part.get(0);
  return text instanceof Y.XmlText ? text : null;
}

/** As y-tiptap has it, which goes over all that is in front of it. */
function relativeOf(state: EditorState, sync: SyncState, position: number): Y.RelativePosition {
  const $place = state.doc.resolve(position);
  const text = $place.depth === 1 ? onlyText(keptOf(state, sync)?.part($place.index(0))) : null;
  if (text && text.length === $place.parent.content.size) return Y.createRelativePositionFromTypeIndex(text, $place.parentOffset, -1);
  return absolutePositionToRelativePosition(position, sync.type, sync.binding?.mapping as never) as Y.RelativePosition;
}

/** Of a caret; null: nothing is bound. */
export function placeOfCaret(state: EditorState, position: number): Y.RelativePosition | null {
  const sync = syncOf(state);
  return sync?.binding ? relativeOf(state, sync, position) : null;
}

/** `side` as in Yjs: 0 keeps to the character after it, -1 to the one before it. */
export function encodePlace(state: EditorState, position: number, side: 0 | -1): Uint8Array | null {
  const sync = syncOf(state);
  if (!sync?.binding) return null;
  const relative = relativeOf(state, sync, position);
  const { type, index } = Y.createAbsolutePositionFromRelativePosition(relative, sync.doc) ?? {};
  // y-tiptap keeps to the character before, always.
  const kept = type instanceof Y.XmlText ? Y.createRelativePositionFromTypeIndex(type, index ?? 0, side) : relative;
  return Y.encodeRelativePosition(kept);
}

function absoluteOf(state: EditorState, sync: SyncState, relative: Y.RelativePosition): number | null {
  const kept = keptOf(state, sync);
  const found = kept && Y.createAbsolutePositionFromRelativePosition(relative, sync.doc);
  const block = found?.type.parent;
  if (block instanceof Y.XmlElement && onlyText(block) === (found?.type as unknown)) {
    const start = kept?.startOf(block) ?? null;
    if (start !== null) return start + 1 + (found?.index ?? 0);
  }
  return relativePositionToAbsolutePosition(sync.doc, sync.type, relative, sync.binding?.mapping as never);
}

/** Null: it is not, or no longer, in the document. */
export function resolvePlace(state: EditorState, place: Uint8Array | Y.RelativePosition): number | null {
  const sync = syncOf(state);
  if (!sync?.binding) return null;
  try {
    const relative = place instanceof Uint8Array ? Y.decodeRelativePosition(place) : place;
    const position = absoluteOf(state, sync, relative);
    return position === null ? null : Math.max(0, Math.min(position, state.doc.content.size));
  } catch {
    return null; // Bytes of somebody else's.
  }
}

/** True for the transaction by which what others did, or an undo, arrives. */
export const isFromYjs = (state: EditorState): boolean =>
  (ySyncPluginKey.getState(state) as { isChangeOrigin?: boolean } | undefined)?.isChangeOrigin === true;
