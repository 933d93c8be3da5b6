import { useEffect, useMemo, useState } from "react";

import { type DocumentInfo, inWorkspace, ofDocument, request, type Workspace } from "../api";
import { useAsked } from "../asked";
import { rememberedDocuments } from "../remembered";
import type { Access } from "../shell/access";

const everyMs = 3000;
/** A list of thousands costs the node and this page something each time. */
const longListEveryMs = 10_000;
const longList = 1000;

export interface Documents {
  /** Null: not known yet. Those in the trash are not among them. */
  all: readonly DocumentInfo[] | null;
  error: string | null;
  refresh: () => Promise<void>;
}

type Listed = { documents: DocumentInfo[] };

/** A token that is for some documents lists nothing: it names what it is for. */
function useNamed(workspace: string, documents: readonly string[]): readonly DocumentInfo[] | null {
  const [found, setFound] = useState<readonly DocumentInfo[] | null>(null);
  const key = documents.join("\n");
  useEffect(() => {
    let stopped = false;
    const ids = key.split("\n").filter((one) => /^[0-9a-f]{32}$/.test(one));
    const get = (id: string) => request<DocumentInfo>(`${ofDocument(id, "")}?workspace=${workspace}`).catch(() => null);
    void Promise.all(ids.map(get)).then((infos) => !stopped && setFound(infos.filter((one) => one !== null)));
    return () => {
      stopped = true;
    };
  }, [workspace, key]);
  return documents.length > 0 ? found : null;
}

export function useDocuments(workspace: Workspace, access: Access): Documents {
  const limited = access.documents.length > 0;
  const listed = useAsked<Listed>(limited ? null : inWorkspace(workspace.id, "documents"), workspace.documents > longList ? longListEveryMs : everyMs);
  const named = useNamed(workspace.id, access.documents);
  const remembered = useMemo(
    () => (access.remembered ? rememberedDocuments(workspace.id) : null),
    [access.remembered, workspace.id],
  );
  return {
    all: (limited ? named : listed.value?.documents) ?? remembered,
    error: listed.error,
    refresh: listed.refresh,
  };
}

export function useTrash(workspace: Workspace, shown: boolean): Documents {
  const { value, error, refresh } = useAsked<Listed>(shown ? inWorkspace(workspace.id, "documents?trash=true") : null, everyMs);
  return { all: value?.documents ?? null, error, refresh };
}
