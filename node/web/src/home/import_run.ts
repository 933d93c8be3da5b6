// Bringing files in: reading what was dropped, and sending what was planned.

import * as Y from "yjs";

import { ApiError, createDocument, inWorkspace, ofDocument, request, send } from "../api";
import { home } from "../strings/home";
import { richRoot, textRoot } from "../sync";
import { type Brought, filesMax, type Planned, textOf } from "./import_plan";
import type { Kind } from "./kinds";
import { freePath } from "./naming";

export interface BroughtFile extends Brought {
  file: File;
}

const broughtOf = (file: File, path = file.webkitRelativePath || file.name): BroughtFile => ({ path, size: file.size, file });

export const fromInput = (list: FileList): BroughtFile[] => Array.from(list, (file) => broughtOf(file));

const fileOf = (entry: FileSystemFileEntry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject));

/** All entries of a folder: a browser gives them a hundred at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function walk(entry: FileSystemEntry, into: BroughtFile[]): Promise<void> {
  // One more than may come, so that it is said that there were more.
  if (into.length > filesMax) return;
  if (entry.isFile) into.push(broughtOf(await fileOf(entry as FileSystemFileEntry), entry.fullPath.slice(1)));
  else for (const below of await entriesOf(entry as FileSystemDirectoryEntry)) await walk(below, into);
}

/** Must be called within the event: what was dropped cannot be read later. */
export async function fromDrop(dropped: DataTransfer): Promise<BroughtFile[]> {
  const items = Array.from(dropped.items).filter(({ kind }) => kind === "file");
  // What a program put there has no entry, and is a file all the same.
  const brought = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const files: BroughtFile[] = [];
  for (const one of brought) {
    if (one instanceof File) files.push(broughtOf(one));
    else if (one) await walk(one, files);
  }
  return files;
}

export type Outcome = { done: true; path: string } | { done: false; reason: string };

const attemptsMax = 5;
const atOnce = 3;

/** What editors would take it for: rich text is in a root of its own. Empty: nothing is in either. */
function kindOfUpdate(bytes: Uint8Array): Kind | "" {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, bytes);
  if (doc.getXmlFragment(richRoot).length > 0) return "rich";
  return doc.getText(textRoot).length > 0 ? "code" : "";
}

async function bring(workspace: string, { file }: BroughtFile, plan: Planned): Promise<Outcome> {
  if (plan.what === "refused") return { done: false, reason: plan.reason };
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    return { done: false, reason: home.import.unreadable };
  }
  const text = plan.what === "text" ? textOf(bytes) : "";
  if (text === null) return { done: false, reason: home.import.binary };
  const refused = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    const path = freePath(plan.path, refused);
    try {
      if (plan.what === "text") {
        await createDocument(workspace, { path, text, kind: plan.kind, language: plan.language });
      } else {
        const { id } = await request<{ id: string }>(`${inWorkspace(workspace, "import")}?path=${encodeURIComponent(path)}`, {
          method: "POST",
          headers: { "content-type": "application/octet-stream" },
          body: bytes,
        });
        const kind = kindOfUpdate(bytes);
        if (kind) await send("PATCH", `${ofDocument(id, "")}?workspace=${workspace}`, { kind });
      }
      return { done: true, path };
    } catch (error) {
      // Somebody made a document of that name meanwhile.
      if (error instanceof ApiError && error.code === "conflict" && attempt < attemptsMax) refused.add(path);
      else return { done: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Sends everything, a few at once; `onOutcome` is told of each, with its place in `plans`. */
export async function runImport(
  workspace: string,
  files: readonly BroughtFile[],
  plans: readonly Planned[],
  { onOutcome, stopped }: { onOutcome: (index: number, outcome: Outcome) => void; stopped: () => boolean },
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < plans.length && !stopped()) {
      const index = next++;
      const plan = plans[index] as Planned;
      onOutcome(index, await bring(workspace, files[plan.file] as BroughtFile, plan));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
