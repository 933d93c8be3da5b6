// What the node knows of a document's history (docs/API/openapi.json, "Versions").

import { ask, ofDocument, request, send } from "../api";

export interface VersionAuthor {
  device: string;
  inserted: number;
  deleted: number;
}

interface VersionBase {
  id: string;
  /** Of the last change in it, in milliseconds. */
  time: number;
  /** How large the document is in it. */
  elements: number;
}

export interface AutomaticVersion extends VersionBase {
  kind: "automatic";
  current: boolean;
  first: number;
  updates: number;
  inserted: number;
  deleted: number;
  authors: VersionAuthor[];
}

export interface NamedVersion extends VersionBase {
  kind: "named";
  name: string;
  /** Who named it, and when. */
  by: string;
  named: number;
}

export type Version = AutomaticVersion | NamedVersion;

/** Who the devices are; in every answer about history. */
export interface People {
  names: Record<string, string>;
  /** Device to person: the same for all devices of one person. */
  persons: Record<string, string>;
}

export interface Sealed {
  /** Entries that cannot be read here, and when the newest of them was written. */
  sealed: number;
  sealed_until: number;
}

export interface VersionsAnswer extends People, Sealed {
  /** Newest first. */
  versions: Version[];
  /** How many older ones there are. */
  more: number;
}

export interface VersionFound {
  id: string;
  time: number;
  name?: string;
}

export interface Deed {
  device: string;
  first: number;
  last: number;
  verified: boolean;
}

export interface BlameRange {
  path: (string | number)[];
  index: number;
  length: number;
  text: string;
  by: Deed | null;
}

export interface Restored {
  version: VersionFound;
  removed: number;
  restored: number;
  /** Of the text that changes, shortened. */
  before: string;
  after: string;
  preview: boolean;
}

const ofVersion = (document: string, at: string, what = "") =>
  ofDocument(document, `/versions/${encodeURIComponent(at)}${what}`);

/** Null: nothing changed since `etag`. */
export async function listVersions(
  document: string,
  limit: number,
  etag: string | null,
): Promise<{ answer: VersionsAnswer; etag: string | null } | null> {
  const init = etag === null ? {} : { headers: { "if-none-match": etag } };
  const answer = await ask<VersionsAnswer>(ofDocument(document, `/versions?limit=${limit}`), init);
  return answer.unchanged ? null : { answer: answer.value, etag: answer.etag };
}

export interface VersionContent {
  version: VersionFound;
  text: string;
  /** All of it as a Yjs update, in hexadecimal. */
  update: string;
}

export const readVersion = (document: string, at: string) =>
  request<VersionContent>(ofVersion(document, at, "?update=true"));

export const nameVersion = (document: string, at: string, name: string) =>
  send<{ version: VersionFound; before: string }>("PUT", ofVersion(document, at, "/name"), { name });

export const unnameVersion = (document: string, at: string) =>
  send<{ version: VersionFound; before: string }>("DELETE", ofVersion(document, at, "/name"));

export const previewRestore = (document: string, at: string) =>
  send<Restored>("POST", ofVersion(document, at, "/restore?preview=true"));

export const restoreVersion = (document: string, at: string) =>
  send<Restored>("POST", ofVersion(document, at, "/restore"));

export const blame = (document: string) =>
  request<{ version: VersionFound; ranges: BlameRange[] } & People & Sealed>(ofDocument(document, "/blame"));
