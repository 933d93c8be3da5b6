// What the dialog for sharing asks of the node.

import { inWorkspace, ofDocument, request, send } from "../api";

export type Role = "host" | "editor" | "commenter" | "viewer";
export type Standing = "editor" | "commenter" | "viewer" | "out";

export interface ShareMember {
  device: string;
  name: string;
  role: string;
  self: boolean;
  person: string;
}

export interface JoinRequest {
  device: string;
  name: string;
  role: string;
}

export interface MembersAnswer {
  members: ShareMember[];
  requests: JoinRequest[];
}

/** Of those who are in a document now. */
export interface Present {
  device: string;
  user: string;
  name: string;
}

export interface Invite {
  id: string;
  author: { device: string; name: string };
  role: string;
  expires: number;
  uses: number;
  uses_left: number;
  approval: boolean;
  state: string;
  path?: string;
}

/** Of one document: `here` is the role in it. */
export interface DocumentRoles {
  session: "open" | "ended";
  members: { device: string; name: string; person: string; role: string; here: string }[];
  guests: { device: string; guest: string; standing: Standing }[];
}

export const daySeconds = 86_400;

/** The page at `page`, with the token, at the document or the list. */
export function linkOf(page: string, token: string, route: string): string {
  const url = new URL(page);
  url.search = new URLSearchParams({ token }).toString();
  url.hash = route;
  return url.href;
}

export const isLocal = (page: string) => ["localhost", "127.0.0.1", "[::1]"].includes(new URL(page).hostname);

interface TokenWish {
  role: Role;
  guest: string;
  name: string;
  workspace: string;
  documents?: string[];
  seconds: number;
}
export const makeToken = (wish: TokenWish) => send<{ token: string; expires: number }>("POST", "v1/tokens", wish);

interface InviteWish {
  role: Role;
  uses: number;
  expires_seconds: number;
  approval: boolean;
  document?: string;
}
export const makeInvite = (workspace: string, wish: InviteWish) =>
  send<{ invite: string; id: string }>("POST", inWorkspace(workspace, "invites"), wish);

export const revokeInvite = (workspace: string, id: string) =>
  send<unknown>("DELETE", inWorkspace(workspace, `invites/${encodeURIComponent(id)}`));

const member = (workspace: string, who: string) => inWorkspace(workspace, `members/${encodeURIComponent(who)}`);
export const setRole = (workspace: string, who: string, role: string) => send<unknown>("PATCH", member(workspace, who), { role });
export const removeMember = (workspace: string, who: string) => send<unknown>("DELETE", member(workspace, who));
export const decideRequest = (workspace: string, who: string, what: "approve" | "deny") =>
  send<unknown>("POST", inWorkspace(workspace, `requests/${encodeURIComponent(who)}/${what}`));

const inIt = (workspace: string) => `?${new URLSearchParams({ workspace }).toString()}`;
export const getRoles = (workspace: string, document: string) =>
  request<DocumentRoles>(ofDocument(document, `/roles${inIt(workspace)}`));
export const getPresent = async (workspace: string, document: string) =>
  (await request<{ participants: Present[] }>(ofDocument(document, `/participants${inIt(workspace)}`))).participants;
export const setDocumentRole = (workspace: string, document: string, who: string, role: string) =>
  send<unknown>("PUT", ofDocument(document, `/roles/${encodeURIComponent(who)}${inIt(workspace)}`), { role });
export const setGuest = (workspace: string, document: string, device: string, guest: string, standing: Standing) =>
  send<unknown>(
    "PUT",
    ofDocument(document, `/guests/${encodeURIComponent(device)}/${encodeURIComponent(guest)}${inIt(workspace)}`),
    { standing },
  );
export const setSession = (workspace: string, document: string, what: "end" | "open") =>
  send<unknown>("POST", ofDocument(document, `/session/${what}${inIt(workspace)}`));
