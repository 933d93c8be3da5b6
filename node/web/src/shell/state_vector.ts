// Whether what a node said to have on disk is all that a document here has.

import * as Y from "yjs";

/** The state vector as the events channel has it: base64url. */
function decode(text: string): Map<number, number> | null {
  try {
    const bytes = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
    return Y.decodeStateVector(bytes);
  } catch {
    return null;
  }
}

export function coversDocument(stateVector: string, doc: Y.Doc): boolean {
  const theirs = decode(stateVector);
  if (!theirs) return false;
  const ours = Y.decodeStateVector(Y.encodeStateVector(doc));
  return Array.from(ours).every(([client, clock]) => (theirs.get(client) ?? 0) >= clock);
}
