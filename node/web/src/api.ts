// The bridge's HTTP interface, as far as this client uses it.

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
}

export interface Peer {
  device: string;
  name: string;
  linked: boolean;
  in_step: boolean;
  entries_behind: number;
  entries_ahead: number;
  round_trip_ms: number | null;
}

export interface Member {
  device: string;
  name: string;
  self: boolean;
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

const timeoutMs = 10_000;

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    throw new ApiError("unreachable", "This node does not answer. Is it still running?");
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const error = (body as { error?: { code?: string; message?: string } } | null)?.error;
    throw new ApiError(
      error?.code ?? "http",
      error?.message ?? `The node answered ${response.status} ${response.statusText}.`,
    );
  }
  if (body === null) throw new ApiError("malformed", "The node’s answer could not be read.");
  return body as T;
}

const inWorkspace = (workspace: string, what: string) =>
  `v1/workspaces/${encodeURIComponent(workspace)}/${what}`;

export const getStatus = () => request<Status>("v1/status");

export const getDocuments = async (workspace: string) =>
  (await request<{ documents: DocumentInfo[] }>(inWorkspace(workspace, "documents"))).documents;

export const getPeers = async (workspace: string) =>
  (await request<{ peers: Peer[] }>(inWorkspace(workspace, "peers"))).peers;

export const getMembers = async (workspace: string) =>
  (await request<{ members: Member[] }>(inWorkspace(workspace, "members"))).members;

export const createDocument = (workspace: string, path: string) =>
  request<{ id: string; path: string }>(inWorkspace(workspace, "documents"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path }),
  });
