// Documents as folders and rows.

import type { DocumentInfo } from "../api";
import { splitPath } from "../route";
import { kindOf } from "./kinds";

export interface Folder {
  /** Ends with "/"; empty: the top. */
  path: string;
  name: string;
  /** Documents in it and below. */
  count: number;
  /** When the newest of these was changed. */
  changed: number;
  folders: Folder[];
}

export interface FolderRow {
  type: "folder";
  key: string;
  folder: Folder;
}
export interface DocumentRow {
  type: "document";
  key: string;
  document: DocumentInfo;
}
export type Row = FolderRow | DocumentRow;

export type SortKey = "name" | "changed" | "kind";
export interface Sort {
  key: SortKey;
  descending: boolean;
}

// One collator: making one for each comparison would cost a second with 5,000 documents.
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** What a document is called in lists. */
export const shownName = (document: DocumentInfo) => document.title || splitPath(document.path).name;

/** All folders of `documents`, each level by name. */
export function buildTree(documents: readonly DocumentInfo[]): Folder {
  const top: Folder = { path: "", name: "", count: 0, changed: 0, folders: [] };
  const known = new Map<string, Folder>([["", top]]);
  const folderAt = (path: string): Folder => {
    const found = known.get(path);
    if (found) return found;
    const { folder: parent, name } = splitPath(path.slice(0, -1));
    const made: Folder = { path, name, count: 0, changed: 0, folders: [] };
    known.set(path, made);
    folderAt(parent).folders.push(made);
    return made;
  };
  for (const { path, changed } of documents) {
    for (let folder = splitPath(path).folder; ; folder = splitPath(folder.slice(0, -1)).folder) {
      const at = folderAt(folder);
      at.count += 1;
      at.changed = Math.max(at.changed, changed);
      if (folder === "") break;
    }
  }
  for (const { folders } of known.values()) folders.sort((a, b) => collator.compare(a.name, b.name));
  return top;
}

export function findFolder(top: Folder, path: string): Folder | null {
  let at = top;
  for (const part of path.split("/").filter(Boolean)) {
    const next = at.folders.find(({ name }) => name === part);
    if (!next) return null;
    at = next;
  }
  return at;
}

/** "notes/2026/" as the folders on the way to it. */
export function crumbs(folder: string): { name: string; path: string }[] {
  let path = "";
  return folder.split("/").filter(Boolean).map((name) => ({ name, path: (path += `${name}/`) }));
}

function compare(a: DocumentInfo, b: DocumentInfo, key: SortKey): number {
  if (key === "changed") return a.changed - b.changed;
  if (key === "kind") {
    const [one, other] = [kindOf(a), kindOf(b)];
    const order = collator.compare(one.kind, other.kind) || collator.compare(one.language, other.language);
    if (order !== 0) return order;
  }
  return collator.compare(shownName(a), shownName(b)) || collator.compare(a.path, b.path);
}

export function sortDocuments(documents: readonly DocumentInfo[], { key, descending }: Sort): DocumentInfo[] {
  const sign = descending ? -1 : 1;
  return [...documents].sort((a, b) => sign * compare(a, b, key));
}

export const documentRow = (document: DocumentInfo): DocumentRow => ({ type: "document", key: document.id, document });

/** What is in `folder` itself: folders first, in the same order. */
export function rowsOf(top: Folder, documents: readonly DocumentInfo[], folder: string, sort: Sort): Row[] {
  const folders = [...(findFolder(top, folder)?.folders ?? [])];
  const sign = sort.descending ? -1 : 1;
  folders.sort((a, b) => sign * (sort.key === "changed" ? a.changed - b.changed : collator.compare(a.name, b.name)));
  const here = documents.filter(({ path }) => splitPath(path).folder === folder);
  return [
    ...folders.map((one): FolderRow => ({ type: "folder", key: one.path, folder: one })),
    ...sortDocuments(here, sort).map(documentRow),
  ];
}

/** The documents that `rows` stand for: those below its folders, too, each once. */
export function documentsOf(rows: readonly Row[], documents: readonly DocumentInfo[]): DocumentInfo[] {
  const found = new Set<DocumentInfo>();
  for (const row of rows) {
    if (row.type === "document") found.add(row.document);
    else for (const one of documents) if (one.path.startsWith(row.folder.path)) found.add(one);
  }
  return [...found];
}

/** Every folder's path, for completion. */
export function allFolders(top: Folder): string[] {
  return top.folders.flatMap((folder) => [folder.path, ...allFolders(folder)]);
}

/** Documents whose title or path has every word of `query`, best first: name before folder, beginning before middle. */
export function namedLike(documents: readonly DocumentInfo[], query: string, most: number): DocumentInfo[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const found: { document: DocumentInfo; rank: number }[] = [];
  for (const document of documents) {
    const name = shownName(document).toLowerCase();
    const all = `${name} ${document.path.toLowerCase()}`;
    if (!words.every((word) => all.includes(word))) continue;
    const first = words[0] as string;
    found.push({ document, rank: name.startsWith(first) ? 0 : name.includes(first) ? 1 : 2 });
  }
  found.sort((a, b) => a.rank - b.rank || b.document.changed - a.document.changed);
  return found.slice(0, most).map(({ document }) => document);
}

/** `text` in pieces, those that are looked for marked. The node looks for the query as it stands, whatever the case. */
export function highlighted(text: string, query: string): { text: string; found: boolean }[] {
  const wanted = query.trim().toLowerCase();
  const lower = text.toLowerCase();
  // Some letters become longer when they are made small; positions would not fit then.
  if (wanted === "" || lower.length !== text.length) return [{ text, found: false }];
  const pieces: { text: string; found: boolean }[] = [];
  let at = 0;
  for (let next = lower.indexOf(wanted); next >= 0; next = lower.indexOf(wanted, at)) {
    if (next > at) pieces.push({ text: text.slice(at, next), found: false });
    pieces.push({ text: text.slice(next, next + wanted.length), found: true });
    at = next + wanted.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), found: false });
  return pieces;
}
