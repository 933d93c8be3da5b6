// Where documents and folders go when they are moved into another folder.

import type { DocumentInfo } from "../api";
import { splitPath } from "../route";
import type { Move } from "./document_actions";
import type { Row } from "./listing";
import { cleanFolder, movedPath } from "./naming";

export type MovePlan = { moves: Move[]; folder: string } | { problem: "into_itself" } | { problem: "taken"; path: string };

/** Folders go with all that is below them. */
export function planMove(rows: readonly Row[], documents: readonly DocumentInfo[], to: string): MovePlan {
  const folder = cleanFolder(to);
  const moves = new Map<string, Move>();
  for (const row of rows) {
    if (row.type === "document") {
      const { id, path } = row.document;
      moves.set(id, { id, path: folder + splitPath(path).name });
      continue;
    }
    const { path: from, name } = row.folder;
    if (folder.startsWith(from)) return { problem: "into_itself" };
    for (const { id, path } of documents) {
      if (path.startsWith(from)) moves.set(id, { id, path: movedPath(path, from, `${folder}${name}/`) });
    }
  }
  const now = new Map(documents.map(({ id, path }) => [id, path]));
  const moving = [...moves.values()].filter(({ id, path }) => now.get(id) !== path);
  const taken = new Set(documents.filter(({ id }) => !moves.has(id)).map(({ path }) => path));
  for (const { path } of moving) {
    if (taken.has(path)) return { problem: "taken", path };
    taken.add(path);
  }
  return { moves: moving, folder };
}
