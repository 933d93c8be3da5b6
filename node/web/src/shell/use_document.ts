// The document that an address names, as the node lists it.

import { useEffect, useRef } from "react";

import { type DocumentInfo, inWorkspace, ofDocument, request } from "../api";
import { usePolled } from "../asked";
import { rememberDocument, rememberedDocument } from "../remembered";
import { splitPath } from "../route";

const everyMs = 4000;

export type FoundDocument =
  | { state: "loading" }
  | { state: "found"; info: DocumentInfo }
  | { state: "trashed"; info: DocumentInfo }
  | { state: "none" }
  | { state: "failed"; why: string };

const inFolder = async (workspace: string, path: string, trash: boolean): Promise<DocumentInfo | null> => {
  const { folder } = splitPath(path);
  // The node refuses a "?" with nothing behind it.
  const query = new URLSearchParams({ ...(folder ? { folder } : {}), ...(trash ? { trash: "true" } : {}) });
  const where = inWorkspace(workspace, "documents") + (query.size > 0 ? `?${query.toString()}` : "");
  const { documents } = await request<{ documents: DocumentInfo[] }>(where);
  return documents.find((one) => one.path === path) ?? null;
};

const byId = (workspace: string, id: string) =>
  request<DocumentInfo>(`${ofDocument(id, "")}?${new URLSearchParams({ workspace }).toString()}`);

async function find(workspace: string, path: string, tokenDocuments: string[]): Promise<FoundDocument> {
  if (tokenDocuments.length > 0) {
    // Such a token lists nothing; it names what it is for.
    const ids = tokenDocuments.filter((one) => /^[0-9a-f]{32}$/.test(one));
    const infos = await Promise.all(ids.map((id) => byId(workspace, id).catch(() => null)));
    const info = infos.find((one) => one?.path === path) ?? infos.find((one) => one !== null);
    return info ? { state: "found", info } : { state: "none" };
  }
  const info = await inFolder(workspace, path, false);
  if (info) return { state: "found", info };
  const trashed = await inFolder(workspace, path, true).catch(() => null);
  return trashed ? { state: "trashed", info: trashed } : { state: "none" };
}

/** `onMoved` is called with the new path when the document that is shown was moved. */
export function useDocument(
  workspace: string,
  path: string,
  tokenDocuments: string[],
  onMoved: (path: string) => void,
): FoundDocument & { refresh: () => void } {
  const shown = useRef<DocumentInfo | null>(null);
  if (shown.current && shown.current.path !== path) shown.current = null;
  const polled = usePolled(`document ${workspace} ${path}`, everyMs, async (): Promise<FoundDocument> => {
    const known = shown.current;
    if (!known) return find(workspace, path, tokenDocuments);
    const info = await byId(workspace, known.id);
    return info.trashed ? { state: "trashed", info } : { state: "found", info };
  });
  const { value, error, refresh } = polled;
  const info = value && "info" in value ? value.info : null;

  useEffect(() => {
    if (value?.state !== "found") return;
    shown.current = value.info;
    rememberDocument(workspace, value.info);
    if (value.info.path !== path) onMoved(value.info.path);
  }, [workspace, path, value, onMoved]);

  if (value) return { ...value, refresh };
  const remembered = info ?? rememberedDocument(workspace, path);
  if (remembered) return { state: "found", info: remembered, refresh };
  return error === null ? { state: "loading", refresh } : { state: "failed", why: error, refresh };
}
