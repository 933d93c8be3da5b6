// Paths for documents that have none yet.

import { splitPath } from "../route";
import { extensionFor, extensionOf, type Kind, kindByName } from "./kinds";

/** `name` as one part of a path: one line, no slash, nothing that pathProblem() refuses. */
export function cleanPart(name: string): string {
  const clean = name
    .replace(/[\u0000-\u001f\u007f]+/g, " ")
    .replace(/\s*\/+\s*/g, "-")
    .replace(/\s+/g, " ")
    .trim();
  return clean === "." || clean === ".." ? "" : clean;
}

/** "notes", "/notes/" and "notes//2026" as folders are written: "notes/", "notes/2026/"; empty for the top. */
export function cleanFolder(folder: string): string {
  const parts = folder.split("/").map(cleanPart).filter(Boolean);
  return parts.length > 0 ? `${parts.join("/")}/` : "";
}

/** `path`, or "plan (2).md" and so on where it is taken: as the node itself does when it restores. */
export function freePath(path: string, taken: { has(path: string): boolean }): string {
  if (!taken.has(path)) return path;
  const { folder, name } = splitPath(path);
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 2; ; number++) {
    const candidate = `${folder}${stem} (${number})${extension}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Whether what somebody typed as a title is a file's name: "main.py", "src/main.py". */
export const isFileName = (title: string) => /^\S+$/.test(title.trim()) && kindByName(title.trim()) !== null;

/** Where a document of that title would be put. Code gets a name as files have; others keep their title. */
export function suggestPath(
  { title, folder, kind, language }: { title: string; folder: string; kind: Kind; language: string },
  taken: { has(path: string): boolean },
): string {
  const typed = title.trim();
  if (isFileName(typed)) {
    const { folder: below, name } = splitPath(typed);
    return freePath(cleanFolder(folder + below) + cleanPart(name), taken);
  }
  let name = cleanPart(typed);
  if (name === "") return "";
  if (kind === "code") name = name.toLowerCase().replace(/[^\p{L}\p{N}._]+/gu, "-").replace(/^-+|-+$/g, "") || "untitled";
  const extension = kind === "code" ? extensionFor(language) : kind === "plain" ? "txt" : "";
  if (extension && extensionOf(name) !== extension) name += `.${extension}`;
  return freePath(cleanFolder(folder) + name, taken);
}

/** Where `path` of the folder `from` goes when that becomes `to`: both end with "/" or are empty. */
export const movedPath = (path: string, from: string, to: string) => to + path.slice(from.length);
