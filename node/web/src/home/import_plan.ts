// What becomes of files that somebody brings: decided before anything is sent.

import { pathProblem } from "../route";
import { home } from "../strings/home";
import { extensionOf, type Kind, kindByName } from "./kinds";
import { cleanFolder, cleanPart, freePath } from "./naming";

export interface ImportLimits {
  /** Of a text's UTF-8. */
  textBytes: number;
  /** Of a Yjs update. */
  updateBytes: number;
}

/** The node's own, where it does not tell: GET /v1/capabilities. */
export const usualLimits: ImportLimits = { textBytes: 8 * 1024 * 1024, updateBytes: 16 * 1024 * 1024 };

export const filesMax = 2000;

/** A file as it was brought: `path` has the folders that were dragged along. */
export interface Brought {
  path: string;
  size: number;
}

export type Planned = { file: number } & (
  | { what: "text"; path: string; kind: Kind; language: string; renamed: boolean }
  | { what: "update"; path: string; renamed: boolean }
  | { what: "refused"; reason: string }
);

const updateExtensions = new Set(["yjs", "bin", "ydoc"]);

/** What is never text: said without reading it. */
const binaryExtensions = new Set(
  ("png jpg jpeg gif webp avif bmp ico tif tiff heic psd mp3 mp4 m4a mov avi mkv webm wav flac ogg pdf doc docx xls xlsx ppt pptx odt ods odp " +
    "zip gz tgz bz2 xz 7z rar tar jar war dmg iso exe dll so dylib o a class pyc wasm woff woff2 ttf otf eot sqlite db")
    .split(" "),
);

/** What tools leave behind, and nobody means to bring. */
const leftOut = new Set([".ds_store", "thumbs.db", "desktop.ini", ".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"]);

function refusal(file: Brought, limits: ImportLimits): string | null {
  if (file.path.split("/").some((part) => leftOut.has(part.toLowerCase()))) return home.import.leftOut;
  const extension = extensionOf(file.path);
  if (binaryExtensions.has(extension)) return home.import.binaryName(extension);
  const most = updateExtensions.has(extension) ? limits.updateBytes : limits.textBytes;
  return file.size > most ? home.import.tooLarge(file.size, most) : null;
}

/** Where each of `files` goes below `folder`; names that are taken get a number. */
export function planImport(
  files: readonly Brought[],
  { folder, taken, limits }: { folder: string; taken: { has(path: string): boolean }; limits: ImportLimits },
): Planned[] {
  const planned = new Set<string>();
  const either = { has: (path: string) => planned.has(path) || taken.has(path) };
  return files.map((file, index): Planned => {
    const reason = index < filesMax ? refusal(file, limits) : home.import.tooMany(filesMax);
    if (reason !== null) return { file: index, what: "refused", reason };
    const isUpdate = updateExtensions.has(extensionOf(file.path));
    const parts = file.path.split("/").map(cleanPart).filter(Boolean);
    const relative = parts.join("/");
    const wanted = cleanFolder(folder) + (isUpdate ? relative.slice(0, -extensionOf(relative).length - 1) : relative);
    const wrong = pathProblem(wanted);
    if (wrong !== null) return { file: index, what: "refused", reason: wrong };
    const path = freePath(wanted, either);
    planned.add(path);
    const renamed = path !== wanted;
    if (isUpdate) return { file: index, what: "update", path, renamed };
    // A file of an unknown kind is text until its bytes say otherwise (textOf()).
    return { file: index, what: "text", path, renamed, ...(kindByName(path) ?? { kind: "plain", language: "" }) };
  });
}

/** The text of a file's bytes, with "\n" at the ends of lines; null: it is not UTF-8 text. */
export function textOf(bytes: Uint8Array): string | null {
  // A NUL is valid UTF-8 and stands in no text, but soon in any other file.
  if (bytes.subarray(0, 8192).includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r\n?/g, "\n");
  } catch {
    return null;
  }
}
