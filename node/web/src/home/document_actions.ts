// What is done to documents from a list: each says what it did, and how to undo it.

import { type DocumentInfo, inWorkspace, ofDocument, request, send, type Workspace } from "../api";
import { formatRoute, splitPath } from "../route";
import { home } from "../strings/home";
import { token } from "../token";
import { toast, toastError } from "../ui/kit";
import { kindOf } from "./kinds";
import { shownName } from "./listing";
import { freePath } from "./naming";

interface Changed {
  documents: { id: string; path: string }[];
}

type Done = { id: string; path: string }[];

const atOnce = 4;

/** Runs `work` for each, a few at once. What failed is said; what was done is returned. */
async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<Changed>): Promise<Done> {
  const done: Done = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const item = items[next++] as Item;
      try {
        done.push(...(await work(item)).documents);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  const why = failures[0];
  if (why === undefined) return done;
  if (items.length === 1) toastError(why);
  else toast(home.someFailed(failures.length, items.length, why instanceof Error ? why.message : String(why)));
  return done;
}

export interface Move {
  id: string;
  path: string;
}

export class DocumentActions {
  constructor(
    readonly workspace: Workspace,
    /** The lists changed. */
    readonly changed: () => void,
  ) {}

  #address = (id: string, what = "") => `${ofDocument(id, what)}?workspace=${this.workspace.id}`;
  #patch = (id: string, change: { path?: string; title?: string }) => send<Changed>("PATCH", this.#address(id), change);

  /** Throws what the node refused, so that the dialog can show it. */
  async rename(document: DocumentInfo, change: { path: string; title: string }): Promise<void> {
    const { id, path, title = "" } = document;
    const wanted = {
      ...(change.path !== path ? { path: change.path } : {}),
      ...(change.title !== title ? { title: change.title } : {}),
    };
    if (Object.keys(wanted).length === 0) return;
    await this.#patch(id, wanted);
    this.changed();
    toast(home.renamed(change.title || splitPath(change.path).name), {
      label: home.undo,
      run: () => void this.#patch(id, { path, title }).then(this.changed, toastError),
    });
  }

  async move(moves: readonly Move[], folder: string, before: readonly DocumentInfo[]): Promise<void> {
    const done = await each(moves, ({ id, path }) => this.#patch(id, { path }));
    this.changed();
    if (done.length === 0) return;
    const back = before.filter(({ id }) => done.some((one) => one.id === id));
    toast(home.moved(done.length, folder), {
      label: home.undo,
      run: () => void each(back, ({ id, path }) => this.#patch(id, { path })).then(this.changed),
    });
  }

  /** One of what the node does to a whole document, told in a toast that can undo it. */
  async #turn(documents: readonly { id: string }[], call: Call, back: Call, told: (done: Done) => string): Promise<void> {
    const run = (turned: readonly { id: string }[], one: Call) =>
      each(turned, ({ id }) => send<Changed>(one.method, this.#address(id, one.what), one.method === "POST" ? {} : undefined));
    const done = await run(documents, call);
    this.changed();
    if (done.length === 0) return;
    toast(told(done), { label: home.undo, run: () => void run(done, back).then(this.changed) });
  }

  trash = (documents: readonly DocumentInfo[]) =>
    this.#turn(documents, calls.trash, calls.restore, (done) => home.wasTrashed(done.length));
  restore = (documents: readonly DocumentInfo[]) =>
    this.#turn(documents, calls.restore, calls.trash, (done) => home.wasRestored(done.map(({ path }) => path)));
  archive = (documents: readonly DocumentInfo[]) =>
    this.#turn(documents, calls.archive, calls.unarchive, (done) => home.wasArchived(done.length));
  unarchive = (documents: readonly DocumentInfo[]) =>
    this.#turn(documents, calls.unarchive, calls.archive, (done) => home.wasUnarchived(done.length));

  /** Its content under another name; the history stays with the first. */
  async duplicate(document: DocumentInfo, taken: { has(path: string): boolean }): Promise<void> {
    try {
      const content = await this.#content(document, "application/octet-stream");
      const path = freePath(document.path, taken);
      const made = await request<Move>(`${inWorkspace(this.workspace.id, "import")}?path=${encodeURIComponent(path)}`, {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: content,
      });
      const { title = "", kind = "", language = "" } = document;
      if (title || kind || language) await send("PATCH", this.#address(made.id), { title: title && home.copyOf(title), kind, language });
      this.changed();
      toast(home.duplicated(made.path), {
        label: home.undo,
        run: () => void send("DELETE", this.#address(made.id)).then(this.changed, toastError),
      });
    } catch (error) {
      toastError(error);
    }
  }

  copyLink(document: DocumentInfo): void {
    const link = new URL(formatRoute(this.workspace.name, document.path), location.href).href;
    navigator.clipboard.writeText(link).then(() => toast(home.linkCopied), toastError);
  }

  async export(document: DocumentInfo, as: "text" | "update"): Promise<void> {
    try {
      const content = await this.#content(document, as === "text" ? "text/plain" : "application/octet-stream");
      const name = splitPath(document.path).name;
      download(content, as === "update" ? `${name}.yjs` : kindOf(document).kind === "rich" ? `${shownName(document)}.txt` : name);
    } catch (error) {
      toastError(error);
    }
  }

  async #content(document: DocumentInfo, accept: string): Promise<Blob> {
    const shown = token();
    const headers = { accept, ...(shown === null ? {} : { authorization: `Bearer ${shown}` }) };
    const response = await fetch(this.#address(document.id, "/export"), { headers });
    if (response.ok) return response.blob();
    const answer = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
    throw new Error(answer?.error?.message ?? `${response.status} ${response.statusText}`);
  }
}

interface Call {
  method: "POST" | "DELETE";
  what: string;
}

const calls = {
  trash: { method: "DELETE", what: "" },
  restore: { method: "POST", what: "/restore" },
  archive: { method: "POST", what: "/archive" },
  unarchive: { method: "POST", what: "/unarchive" },
} as const satisfies Record<string, Call>;

function download(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The download has its own hold on the content by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
