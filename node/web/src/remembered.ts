// What the page knew when the node last answered, for when it does not: names only, no content.

import type { DocumentInfo, Workspace } from "./api";

const key = "coterie.remembered";
const documentsMax = 200;

interface Remembered {
  workspaces: Workspace[];
  /** The newest last. */
  documents: { workspace: string; info: DocumentInfo; openedAt?: number }[];
}

function load(): Remembered {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? "null") as Partial<Remembered> | null;
    return { workspaces: stored?.workspaces ?? [], documents: stored?.documents ?? [] };
  } catch {
    return { workspaces: [], documents: [] };
  }
}

function store(remembered: Remembered): void {
  try {
    localStorage.setItem(key, JSON.stringify(remembered));
  } catch {
    // Then the page needs the node to start.
  }
}

export const rememberedWorkspaces = (): Workspace[] => load().workspaces;

export function rememberWorkspaces(workspaces: Workspace[]): void {
  store({ ...load(), workspaces });
}

export function rememberDocument(workspace: string, info: DocumentInfo): void {
  const all = load();
  const others = all.documents.filter((one) => one.workspace !== workspace || one.info.id !== info.id);
  store({ ...all, documents: [...others, { workspace, info, openedAt: Date.now() }].slice(-documentsMax) });
}

/** The one that was last opened under that path. */
export function rememberedDocument(workspace: string, path: string): DocumentInfo | null {
  return load().documents.findLast((one) => one.workspace === workspace && one.info.path === path)?.info ?? null;
}

export const rememberedDocuments = (workspace: string): DocumentInfo[] =>
  load()
    .documents.filter((one) => one.workspace === workspace)
    .map(({ info }) => info)
    .reverse();

/** When this browser last had each of a workspace's documents open, by id. */
export const openedTimes = (workspace: string): Map<string, number> =>
  new Map(load().documents.flatMap((one) => (one.workspace === workspace && one.openedAt ? [[one.info.id, one.openedAt]] : [])));
