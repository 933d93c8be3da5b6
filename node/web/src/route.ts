// Which document is shown, and how its name is written in addresses.

/** The engine's limit (node/core, check_document_path), so that a typo is caught before a request. */
export const pathBytesMax = 1024;

const encodePath = (path: string) => path.split("/").map(encodeURIComponent).join("/");

/**
 * "#/demo/notes/to%20do.md" for a document, "#/demo" for a workspace's list. `find`: what to go to in
 * the document.
 */
export function formatRoute(workspace: string, path?: string, find = ""): string {
  const asked = find === "" ? "" : `?${new URLSearchParams({ find }).toString()}`;
  return "#/" + encodeURIComponent(workspace) + (path ? "/" + encodePath(path) + asked : "");
}

/** What an address of formatRoute() asks to go to; empty: nothing. */
export const parseFind = (hash: string): string => new URLSearchParams(hash.split("?")[1] ?? "").get("find") ?? "";

/** The inverse of formatRoute and formatHome. Null for anything they do not write. */
export function parseRoute(hash: string): { workspace: string; path: string | null } | null {
  const match = /^#\/([^/]+)(?:\/(.+))?$/.exec(hash);
  if (!match?.[1]) return null;
  // A "?" of a document's name is written %3F: a plain one begins what the page is asked for.
  const path = match[2]?.split("?")[0];
  try {
    return {
      workspace: decodeURIComponent(match[1]),
      path: path ? path.split("/").map(decodeURIComponent).join("/") : null,
    };
  } catch {
    return null; // A stray "%".
  }
}

export const homeViews = ["all", "recent", "archive", "trash", "mesh"] as const;
export type HomeView = (typeof homeViews)[number];

/** What of a workspace its home page shows. */
export interface HomePlace {
  view: HomeView;
  /** Ends with "/", or is empty: all. Only in the view "all". */
  folder: string;
  /** What is looked for; empty: nothing. */
  query: string;
}

/** "#/demo/?folder=notes%2F"; "#/demo" for all documents. */
export function formatHome(workspace: string, { view = "all", folder = "", query = "" }: Partial<HomePlace> = {}): string {
  const asked = new URLSearchParams();
  if (view !== "all") asked.set("view", view);
  if (folder !== "" && view === "all") asked.set("folder", folder);
  if (query !== "") asked.set("q", query);
  return formatRoute(workspace) + (asked.size > 0 ? `/?${asked}` : "");
}

/** The inverse of formatHome. All documents where an address asks for what there is not. */
export function parseHome(hash: string): HomePlace {
  const asked = new URLSearchParams(/^#\/[^/]+\/\?(.*)$/.exec(hash)?.[1] ?? "");
  const view = homeViews.find((one) => one === asked.get("view")) ?? "all";
  const folder = view === "all" ? (asked.get("folder") ?? "").replace(/([^/])$/, "$1/") : "";
  return { view, folder, query: asked.get("q") ?? "" };
}

/** What follows "/sync/" in the address of a document's WebSocket; `document` is its id or path. */
export function syncRoom(workspace: string, document: string): string {
  return encodeURIComponent(workspace) + "/" + encodePath(document);
}

/** Where this page's own node answers: "ws://127.0.0.1:7420/sync" for "http://127.0.0.1:7420/". */
export function syncServer(page: string): string {
  const url = new URL("sync", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  url.search = "";
  return url.href;
}

/** Why `path` cannot name a document, in words for the person who typed it; null if it can. */
export function pathProblem(path: string): string | null {
  if (path === "") return "Give the document a name.";
  if (new TextEncoder().encode(path).length > pathBytesMax) {
    return `This name is longer than ${pathBytesMax} bytes.`;
  }
  if (/[\u0000-\u001f\u007f]/.test(path)) return "A name cannot contain control characters.";
  if (path.startsWith("/") || path.endsWith("/")) return "A name cannot begin or end with “/”.";
  const parts = path.split("/");
  if (parts.includes("")) return "A name cannot contain “//”.";
  if (parts.includes(".") || parts.includes("..")) return "“.” and “..” cannot be parts of a name.";
  return null;
}

/** "notes/2026/" and "plan.md" of "notes/2026/plan.md". */
export function splitPath(path: string): { folder: string; name: string } {
  const end = path.lastIndexOf("/") + 1;
  return { folder: path.slice(0, end), name: path.slice(end) };
}
