// Yjs relative positions as other clients send them.

import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

const isId = (value: unknown) => {
  const { client, clock } = (value ?? {}) as { client?: unknown; clock?: unknown };
  return Number.isSafeInteger(client) && Number.isSafeInteger(clock);
};

/** True if `value` has the shape of Y.RelativePosition in JSON, so that Yjs can look it up. */
export function isRelativePosition(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { type, tname, item } = value as { type?: unknown; tname?: unknown; item?: unknown };
  const textual = tname == null || typeof tname === "string";
  return textual && [type, item].every((id) => id == null || isId(id));
}

export interface SharedText {
  awareness: Awareness;
  doc: Y.Doc;
  text: Y.Text;
}

/** Where `json` is in `text`, in UTF-16 units; null: nowhere, or in text that has not arrived. */
export function placeOf(json: unknown, { doc, text }: Omit<SharedText, "awareness">): number | null {
  if (!isRelativePosition(json)) return null;
  const position = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(json), doc);
  return position?.type === text ? position.index : null;
}

/** Where the cursor of a client is in the text; null if it has none there. */
export function cursorOf(shared: SharedText, clientId: number): number | null {
  return placeOf(shared.awareness.getStates().get(clientId)?.["selection"]?.head, shared);
}
