// What was opened in this browser and what anybody changed, as one list.

import type { DocumentInfo } from "../api";

const shownMax = 50;

/** Newest first, by what happened last to each: opened here (by id), or changed. */
export function recentDocuments(documents: readonly DocumentInfo[], openedAt: ReadonlyMap<string, number>): DocumentInfo[] {
  return [...documents].sort((a, b) => lastUse(b, openedAt) - lastUse(a, openedAt)).slice(0, shownMax);
}

export const lastUse = ({ id, changed }: DocumentInfo, openedAt: ReadonlyMap<string, number>): number =>
  Math.max(openedAt.get(id) ?? 0, changed);
