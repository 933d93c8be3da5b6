import { useEffect, useState, useSyncExternalStore } from "react";

import { getDocuments, getPeers, getStatus, mayEdit, type Workspace } from "../api";
import { loadPerson, type Person, storePerson } from "../person";
import { formatRoute, parseRoute, splitPath } from "../route";
import { anythingUnsaved } from "../sync";
import { DocumentView } from "./document_view";
import { Page } from "./icons";
import { Sidebar } from "./sidebar";
import { usePolled } from "./use_polled";

const statusEveryMs = 5000;
const documentsEveryMs = 3000;
const peersEveryMs = 2000;

function useHash(): string {
  return useSyncExternalStore(
    (changed) => {
      addEventListener("hashchange", changed);
      return () => removeEventListener("hashchange", changed);
    },
    () => location.hash,
  );
}

/** The workspace an address means: by id, by name, or the first one if it names none. */
function findWorkspace(workspaces: Workspace[], wanted: string | undefined): Workspace | null {
  if (wanted === undefined) return workspaces[0] ?? null;
  return workspaces.find(({ id, name }) => id === wanted || name === wanted) ?? null;
}

export function App() {
  const route = parseRoute(useHash());
  const [person, setPerson] = useState(loadPerson);
  const status = usePolled("status", statusEveryMs, getStatus);
  const workspaces = status.value?.workspaces ?? [];
  const workspace = findWorkspace(workspaces, route?.workspace);
  const id = workspace?.id ?? null;
  const documents = usePolled(id, documentsEveryMs, () => getDocuments(id ?? ""));
  const peers = usePolled(id, peersEveryMs, () => getPeers(id ?? ""));
  const path = route?.path ?? null;

  useEffect(() => {
    document.title = path ? `${splitPath(path).name} · Coterie` : "Coterie";
  }, [path]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (anythingUnsaved()) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, []);

  const changePerson = (changed: Person) => {
    setPerson(changed);
    storePerson(changed);
  };

  return (
    <div className="app" data-open={path !== null}>
      <Sidebar
        status={status}
        documents={documents}
        peers={peers}
        workspaces={workspaces}
        workspace={workspace}
        path={path}
        person={person}
        onPerson={changePerson}
      />
      <main className="main">
        {workspace && path !== null ? (
          <DocumentView
            workspace={workspace.id}
            path={path}
            documentId={documents.value?.find((one) => one.path === path)?.id ?? null}
            mayEdit={mayEdit(workspace)}
            listRoute={formatRoute(workspace.name)}
            person={person}
          />
        ) : (
          <Welcome
            ready={workspace !== null}
            unknown={status.value && !workspace ? route?.workspace : undefined}
          />
        )}
      </main>
    </div>
  );
}

function Welcome({ ready, unknown }: { ready: boolean; unknown: string | undefined }) {
  if (!ready && !unknown) return null;
  return (
    <div className="welcome">
      <Page />
      {unknown ? (
        <p>This node has no workspace “{unknown}”.</p>
      ) : (
        <p>Choose a document on the left, or make a new one.</p>
      )}
    </div>
  );
}
