// The bridge's HTTP interface: how it is asked, and what all of the page asks it. What only one part
// asks is in that part.

import { token, useRemembered } from "./token";

export interface Workspace {
  id: string;
  name: string;
  role: string;
  members: number;
  documents: number;
  entries: number;
}

/** Whether this device may change documents. The node refuses otherwise; the page says so before. */
export const mayEdit = ({ role }: Workspace) => role === "host" || role === "editor";

/** Whether whoever is here may let others in: what guests are shown, they may do. */
export const mayShare = ({ role }: Workspace) => role === "host";

export interface Status {
  device: string;
  name: string;
  version: string;
  workspaces: Workspace[];
}

export interface DocumentInfo {
  id: string;
  path: string;
  created: number;
  changed: number;
  /** Browsers attached to this node's bridge now. */
  clients: number;
  title?: string;
  /** "code", "rich" or "plain"; empty: nobody said. */
  kind?: string;
  language?: string;
  archived?: boolean;
  /** Since when it is in the trash. */
  trashed?: number | null;
  meta?: Record<string, string>;
}

export interface NewDocument {
  path: string;
  title?: string;
  kind?: string;
  language?: string;
  template?: string;
  text?: string;
  meta?: Record<string, string>;
}

export interface Member {
  device: string;
  name: string;
  self: boolean;
  role: string;
}

/** What the node answered when it refused: `message` is written for people. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

const timeoutMs = 15_000;

export interface Answer<T> {
  value: T;
  etag: string | null;
  /** 304: nothing changed since the `etag` that was asked with. */
  unchanged: boolean;
}

/** Asks the node; `path` is relative to the page. Throws ApiError. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const shown = token();
  const headers = new Headers(init.headers);
  if (shown !== null) headers.set("authorization", `Bearer ${shown}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    throw new ApiError("unreachable", "This node does not answer. Is it still running?");
  }
  if (response.status === 401 && useRemembered()) return ask(path, init);
  const etag = response.headers.get("etag");
  if (response.status === 304) return { value: undefined as T, etag, unchanged: true };
  const text = await response.text().catch(() => "");
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy's page, say.
  }
  if (!response.ok) {
    const error = (body as { error?: { code?: string; message?: string } } | null)?.error;
    throw new ApiError(
      error?.code ?? "http",
      error?.message ?? `The node answered ${response.status} ${response.statusText}.`,
    );
  }
  if (body === null) throw new ApiError("malformed", "The node’s answer could not be read.");
  return { value: body as T, etag, unchanged: false };
}

export const request = async <T>(path: string, init: RequestInit = {}): Promise<T> => (await ask<T>(path, init)).value;

/** A request with a JSON body. */
export const send = <T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> =>
  request<T>(path, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });

export const inWorkspace = (workspace: string, what: string) =>
  `v1/workspaces/${encodeURIComponent(workspace)}/${what}`;
/** `what` begins with "/", or is empty. */
export const ofDocument = (document: string, what: string) => `v1/documents/${encodeURIComponent(document)}${what}`;

export const createDocument = (workspace: string, document: NewDocument) =>
  send<{ id: string; path: string }>("POST", inWorkspace(workspace, "documents"), document);
