// Which page an address is, and what all pages share.

import { CloudOff, KeyRound } from "lucide-react";
import { Suspense, useCallback, useEffect, useState } from "react";

import { ApiError, mayShare, type Workspace } from "../api";
import { usePolled } from "../asked";
import { cleanName, loadPerson, type Person, storePerson } from "../person";
import { formatRoute, parseRoute } from "../route";
import { shell } from "../strings/shell";
import { anythingUnsaved } from "../sync";
import { token } from "../token";
import { Button, Empty, Tips, Toasts } from "../ui/kit";
import { type Access, claimsOf, loadAccess } from "./access";
import { DocumentPage } from "./document_page";
import { Palette } from "./palette";
import { Home, ShareDialog } from "./parts";
import css from "./shell.module.css";
import { useHash } from "./use_hash";

const accessEveryMs = 5000;

/** The workspace an address means: by id, by name, or the first one if it names none. */
function findWorkspace(workspaces: Workspace[], wanted: string | undefined): Workspace | null {
  if (wanted === undefined) return workspaces[0] ?? null;
  const named = workspaces.find(({ id, name }) => id === wanted || name === wanted);
  return named ?? null;
}

type Asked = { access: Access } | { needsToken: true };

const ask = async (): Promise<Asked> => {
  try {
    return { access: await loadAccess() };
  } catch (error) {
    if (error instanceof ApiError && ["unauthenticated", "unauthorized"].includes(error.code)) return { needsToken: true };
    throw error;
  }
};

/** A page that has unsaved changes nowhere but in this tab asks before it closes. */
function useWarning(): void {
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (anythingUnsaved()) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, []);
}

/** A guest is to the others who the token says: so their messages, cursor and role are one person's. */
function ownPerson(): Person {
  const person = loadPerson();
  const shown = token();
  const { sub, name } = shown === null ? {} : claimsOf(shown);
  return sub ? { ...person, id: sub, name: cleanName(name ?? "") || person.name } : person;
}

export function App() {
  const route = parseRoute(useHash());
  const [person, setPerson] = useState(ownPerson);
  const [sharing, setSharing] = useState(false);
  const asked = usePolled("access", accessEveryMs, ask);
  const access = asked.value && "access" in asked.value ? asked.value.access : null;
  const workspace = access ? findWorkspace(access.workspaces, route?.workspace) : null;
  useWarning();

  const onPerson = useCallback((changed: Person) => {
    setPerson(changed);
    storePerson(changed);
  }, []);
  const onMoved = useCallback(() => asked.refresh(), [asked]);

  const page = () => {
    if (asked.value && "needsToken" in asked.value) {
      return <Empty page icon={<KeyRound aria-hidden="true" />} title={shell.needsToken} />;
    }
    if (!access) {
      if (asked.error === null) return <p className={css.loading}>{shell.loading}</p>;
      return (
        <Empty page icon={<CloudOff aria-hidden="true" />} title={shell.unreachable}>
          <p>{shell.unreachableAbout}</p>
          <Button onClick={asked.refresh}>{shell.tryAgain}</Button>
        </Empty>
      );
    }
    if (!workspace && route && access.workspaces.length > 0) {
      return (
        <Empty page icon={<CloudOff aria-hidden="true" />} title={shell.noWorkspace(route.workspace)}>
          <a href={formatRoute(access.workspaces[0]?.name ?? "")}>{shell.home}</a>
        </Empty>
      );
    }
    if (workspace && route?.path) {
      return (
        <DocumentPage
          key={workspace.id}
          workspace={workspace}
          path={route.path}
          access={access}
          person={person}
          onPerson={onPerson}
        />
      );
    }
    return (
      <Home
        access={access}
        workspace={workspace}
        person={person}
        onPerson={onPerson}
        onShare={() => setSharing(true)}
        onChanged={onMoved}
      />
    );
  };

  return (
    <Tips>
      <div className={css.app}>
        <Suspense fallback={<p className={css.loading}>{shell.loading}</p>}>{page()}</Suspense>
        {workspace && <Palette workspace={workspace} />}
        {workspace && mayShare(workspace) && sharing && !route?.path && (
          <Suspense>
            <ShareDialog workspace={workspace} info={null} open onOpen={setSharing} />
          </Suspense>
        )}
        <Toasts />
      </div>
    </Tips>
  );
}
