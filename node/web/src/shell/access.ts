// Who this page is to the node: the device's owner, or the bearer of a token.

import { ApiError, request, type Status, type Workspace } from "../api";
import { rememberedWorkspaces, rememberWorkspaces } from "../remembered";
import { token } from "../token";

export interface Access {
  /** Of the owner; a guest is not told. */
  status: Status | null;
  workspaces: Workspace[];
  /** Documents that a token is for, ids and paths; empty: all. */
  documents: string[];
  guest: boolean;
  /** The node does not answer: this is what it said before. */
  remembered: boolean;
}

export interface Claims {
  ws?: string;
  docs?: string[];
  role?: string;
  sub?: string;
  name?: string;
}

/** What a token says, unverified: the node verifies it. */
export function claimsOf(jwt: string): Claims {
  try {
    const body = jwt.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(body.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? (claims as Claims) : {};
  } catch {
    return {};
  }
}

const guestWorkspace = (id: string, role: string): Workspace => ({
  id,
  name: id.slice(0, 8),
  role,
  members: 0,
  documents: 0,
  entries: 0,
});

export async function loadAccess(): Promise<Access> {
  try {
    return await askAccess();
  } catch (error) {
    const workspaces = rememberedWorkspaces();
    const away = error instanceof ApiError && error.code === "unreachable";
    if (!away || workspaces.length === 0) throw error;
    return { status: null, workspaces, documents: [], guest: token() !== null, remembered: true };
  }
}

async function askAccess(): Promise<Access> {
  const shown = token();
  const claims = shown === null ? null : claimsOf(shown);
  // A token without limits that names nobody is the owner's own.
  const owner = claims === null || (!claims.sub && !claims.ws && !claims.docs && claims.role === "host");
  if (owner) {
    const status = await request<Status>("v1/status");
    rememberWorkspaces(status.workspaces);
    return { status, workspaces: status.workspaces, documents: [], guest: false, remembered: false };
  }
  const { workspaces } = await request<{ workspaces: { workspace: string; name: string; role: string }[] }>("v1/workspaces")
    // Of older nodes, one that is for one workspace may not list them: it says which.
    .catch((error: unknown) => {
      if (!claims?.ws || (error instanceof ApiError && error.code === "unreachable")) throw error;
      return { workspaces: [{ workspace: claims.ws, name: claims.ws.slice(0, 8), role: claims.role ?? "viewer" }] };
    });
  const seen = workspaces.map(({ workspace, name, role }) => ({ ...guestWorkspace(workspace, leastRole(role, mostOf(claims ?? {}))), name }));
  rememberWorkspaces(seen);
  return { status: null, workspaces: seen, documents: claims?.docs ?? [], guest: true, remembered: false };
}

/** The most that a token lets its bearer do: nobody who is named, or was given documents, is a host. */
export function mostOf({ role = "host", sub, docs }: Claims): string {
  return sub || docs ? leastRole(role, "editor") : role;
}

const roles = ["host", "editor", "commenter", "viewer"];
const leastRole = (one: string, other: string) => roles[Math.max(roles.indexOf(one), roles.indexOf(other))] ?? "viewer";
