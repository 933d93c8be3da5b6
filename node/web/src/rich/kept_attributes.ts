// Attributes that other editors put on nodes and marks, kept through edits made here.

import { Extension } from "@tiptap/core";

import type { Attributes } from "./inspect";

export function merged(one: Attributes, other: Attributes): Map<string, Set<string>> {
  const all = new Map(Array.from(one, ([owner, names]) => [owner, new Set(names)]));
  for (const [owner, names] of other) all.set(owner, new Set([...(all.get(owner) ?? []), ...names]));
  return all;
}

/** Gives the schema attributes that are neither shown nor copied to anything. */
export const keepAttributes = (attributes: Attributes) =>
  Extension.create({
    name: "keptAttributes",
    addGlobalAttributes: () =>
      Array.from(attributes, ([owner, names]) => ({
        types: [owner],
        attributes: Object.fromEntries(
          Array.from(names, (name) => [name, { default: null, rendered: false, keepOnSplit: false }]),
        ),
      })),
  });
