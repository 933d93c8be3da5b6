import { type FormEvent, useEffect, useRef, useState } from "react";

import { createDocument, type DocumentInfo, mayEdit, type Peer, type Status, type Workspace } from "../api";
import type { Person } from "../person";
import { formatRoute, pathProblem, splitPath } from "../route";
import { Logo, Page, Plus, Search } from "./icons";
import { MeshLine } from "./mesh_line";
import { ProfileButton } from "./profile";
import type { Polled } from "./use_polled";

interface SidebarProps {
  status: Polled<Status>;
  documents: Polled<DocumentInfo[]>;
  peers: Polled<Peer[]>;
  workspaces: Workspace[];
  workspace: Workspace | null;
  path: string | null;
  person: Person;
  onPerson: (person: Person) => void;
}

export function Sidebar(props: SidebarProps) {
  const { status, documents, peers, workspaces, workspace, person, onPerson } = props;
  const error = status.error ?? documents.error;
  return (
    <aside className="sidebar">
      <header className="brand">
        <Logo />
        <h1>Coterie</h1>
        <WorkspaceName workspaces={workspaces} workspace={workspace} />
      </header>
      {error && (
        <p className="notice" role="alert">
          {error}
        </p>
      )}
      {workspace ? (
        <Documents
          key={workspace.id}
          workspace={workspace}
          documents={documents.value}
          path={props.path}
          onCreated={documents.refresh}
        />
      ) : (
        status.value && <NoWorkspace any={workspaces.length > 0} />
      )}
      <footer className="foot">
        {status.value && <MeshLine node={status.value.name} peers={peers.error ? null : peers.value} />}
        <ProfileButton person={person} onChange={onPerson} />
      </footer>
    </aside>
  );
}

function WorkspaceName({ workspaces, workspace }: Pick<SidebarProps, "workspaces" | "workspace">) {
  if (workspaces.length < 2) return <span className="workspace">{workspace?.name}</span>;
  return (
    <select
      className="workspace"
      aria-label="Workspace"
      value={workspace?.id ?? ""}
      onChange={(event) => (location.hash = formatRoute(event.target.value))}
    >
      {!workspace && <option value="">…</option>}
      {workspaces.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

function NoWorkspace({ any }: { any: boolean }) {
  if (any) return <p className="hint">Choose one of this node’s workspaces above.</p>;
  return (
    <div className="hint">
      <p>This node is in no workspace yet. In a terminal, make one:</p>
      <pre>coterie workspace create NAME</pre>
      <p>or join one with the invite you were given:</p>
      <pre>coterie join INVITE</pre>
    </div>
  );
}

interface DocumentsProps {
  workspace: Workspace;
  documents: DocumentInfo[] | null;
  path: string | null;
  onCreated: () => void;
}

function Documents({ workspace, documents, path, onCreated }: DocumentsProps) {
  const [filter, setFilter] = useState("");
  const [creating, setCreating] = useState(false);
  const canCreate = mayEdit(workspace);
  const wanted = filter.trim().toLowerCase();
  const matching = (documents ?? [])
    .filter((document) => document.path.toLowerCase().includes(wanted))
    .sort((a, b) => a.path.localeCompare(b.path));
  const open = (opened: string) => (location.hash = formatRoute(workspace.name, opened));

  return (
    <nav className="documents" aria-label="Documents">
      <div className="tools">
        <label className="filter">
          <Search />
          <input
            type="search"
            placeholder="Find a document"
            aria-label="Find a document"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && matching[0]) open(matching[0].path);
            }}
          />
        </label>
        <button
          type="button"
          className="primary"
          disabled={!canCreate}
          title={canCreate ? "Make a document" : `A ${workspace.role} cannot make documents.`}
          aria-expanded={creating}
          onClick={() => setCreating(!creating)}
        >
          <Plus /> New
        </button>
      </div>
      {creating && (
        <NewDocument
          workspace={workspace.id}
          onDone={(created) => {
            setCreating(false);
            if (created === null) return;
            onCreated();
            setFilter("");
            open(created);
          }}
        />
      )}
      <ul>
        {matching.map((document) => (
          <DocumentRow
            key={document.id}
            document={document}
            href={formatRoute(workspace.name, document.path)}
            current={document.path === path}
          />
        ))}
      </ul>
      {documents?.length === 0 && !creating && (
        <p className="hint">No documents yet. The first one you make appears on every member’s node.</p>
      )}
      {documents && documents.length > 0 && matching.length === 0 && (
        <p className="hint">No document’s name contains “{filter.trim()}”.</p>
      )}
    </nav>
  );
}

function DocumentRow(props: { document: DocumentInfo; href: string; current: boolean }) {
  const { path, clients, changed } = props.document;
  const title = changed > 0 ? `${path}\nChanged ${new Date(changed).toLocaleString()}` : path;
  const { folder, name } = splitPath(path);
  return (
    <li>
      <a href={props.href} aria-current={props.current ? "page" : undefined} title={title}>
        <Page />
        <span className="path">
          {folder && <span className="folder">{folder}</span>}
          <span className="name">{name}</span>
        </span>
        {clients > 0 && (
          <span className="count" title={`Open in ${clients} browser(s) on this node`}>
            {clients}
          </span>
        )}
      </a>
    </li>
  );
}

function NewDocument(props: { workspace: string; onDone: (created: string | null) => void }) {
  const [path, setPath] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = path.trim();
    const wrong = pathProblem(wanted);
    if (wrong) return setProblem(wrong);
    setBusy(true);
    try {
      props.onDone((await createDocument(props.workspace, { path: wanted })).path);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };

  return (
    <form className="new" onSubmit={(event) => void submit(event)}>
      <input
        ref={input}
        placeholder="notes/plan.md"
        aria-label="Name of the new document"
        aria-invalid={problem !== null}
        aria-describedby="new-problem"
        spellCheck={false}
        value={path}
        onChange={(event) => {
          setPath(event.target.value);
          setProblem(null);
        }}
        onKeyDown={(event) => event.key === "Escape" && props.onDone(null)}
      />
      <button type="submit" className="primary" disabled={busy}>
        Create
      </button>
      <p id="new-problem" className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
