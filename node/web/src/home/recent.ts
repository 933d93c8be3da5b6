// What this browser opened last, kept in it, and what of a workspace was changed lately.

import type { DocumentInfo } from "../api";

/** Of one workspace: document ids and when each was opened, newest first. */
export type Opened = [id: string, at: number][];

const openedMax = 50;
const shownMax = 50;
const storageKey = (workspace: string) => `coterie.opened.${workspace}`;

export function addOpened(opened: Opened, id: string, at: number): Opened {
  return [[id, at] as [string, number], ...opened.filter(([other]) => other !== id)].slice(0, openedMax);
}

/** Anything that is not what noteOpened() writes is nothing. */
export function parseOpened(stored: string | null): Opened {
  try {
    const value: unknown = JSON.parse(stored ?? "[]");
    if (!Array.isArray(value)) return [];
    return value.filter(
      (one): one is [string, number] => Array.isArray(one) && typeof one[0] === "string" && Number.isFinite(one[1]),
    );
  } catch {
    return [];
  }
}

/** Private windows may refuse storage: then nothing was opened. */
export function loadOpened(workspace: string): Opened {
  try {
    return parseOpened(localStorage.getItem(storageKey(workspace)));
  } catch {
    return [];
  }
}

/** For whoever opens a document. */
export function noteOpened(workspace: string, id: string): void {
  try {
    localStorage.setItem(storageKey(workspace), JSON.stringify(addOpened(loadOpened(workspace), id, Date.now())));
  } catch {
    // See loadOpened().
  }
}

export interface RecentDocument {
  document: DocumentInfo;
  /** Null: it is there because it was changed. */
  openedAt: number | null;
}

/** Newest first, by what happened last: opened here, or changed by anybody. */
export function recentDocuments(documents: readonly DocumentInfo[], opened: Opened): RecentDocument[] {
  const openedAt = new Map(opened);
  const at = ({ document, openedAt }: RecentDocument) => Math.max(openedAt ?? 0, document.changed);
  return documents
    .map((document): RecentDocument => ({ document, openedAt: openedAt.get(document.id) ?? null }))
    .sort((a, b) => at(b) - at(a))
    .slice(0, shownMax);
}
