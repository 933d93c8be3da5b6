// Places in a document that stay where they are while others edit: Yjs relative positions.

import type { EditorState } from "@tiptap/pm/state";
import { absolutePositionToRelativePosition, relativePositionToAbsolutePosition, ySyncPluginKey } from "@tiptap/y-tiptap";
import * as Y from "yjs";

import type { Mapping } from "./mirror";

interface SyncState {
  type: Y.XmlFragment;
  doc: Y.Doc;
  binding: { mapping: Mapping } | null;
}

const syncOf = (state: EditorState) => ySyncPluginKey.getState(state) as SyncState | undefined;

/** `side` as in Yjs: 0 keeps to the character after it, -1 to the one before it. */
export function encodePlace(state: EditorState, position: number, side: 0 | -1): Uint8Array | null {
  const sync = syncOf(state);
  if (!sync?.binding) return null;
  const relative = absolutePositionToRelativePosition(position, sync.type, sync.binding.mapping as never) as Y.RelativePosition;
  const { type, index } = Y.createAbsolutePositionFromRelativePosition(relative, sync.doc) ?? {};
  // y-tiptap keeps to the character before, always.
  const kept = type instanceof Y.XmlText ? Y.createRelativePositionFromTypeIndex(type, index ?? 0, side) : relative;
  return Y.encodeRelativePosition(kept);
}

/** Null: it is not, or no longer, in the document. */
export function resolvePlace(state: EditorState, place: Uint8Array | Y.RelativePosition): number | null {
  const sync = syncOf(state);
  if (!sync?.binding) return null;
  try {
    const relative = place instanceof Uint8Array ? Y.decodeRelativePosition(place) : place;
    const position = relativePositionToAbsolutePosition(sync.doc, sync.type, relative, sync.binding.mapping as never);
    return position === null ? null : Math.max(0, Math.min(position, state.doc.content.size));
  } catch {
    return null; // Bytes of somebody else's.
  }
}

/** True for the transaction by which what others did, or an undo, arrives. */
export const isFromYjs = (state: EditorState): boolean =>
  (ySyncPluginKey.getState(state) as { isChangeOrigin?: boolean } | undefined)?.isChangeOrigin === true;
