// The edits to type: a recorded editing session if it is at hand, generated ones otherwise.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";

import { root } from "./scenario.mjs";

const traceName = "automerge-paper.json.gz";

/**
 * {edits: [[position, deleted, inserted]...], text: what they end in, name}. Positions and lengths
 * in UTF-16 code units. `count` takes the first so many only.
 */
export function loadTrace(context, count = Infinity) {
  const directory = process.env.COTERIE_TRACES ?? path.join(root, "../shared/traces");
  const file = path.join(directory, traceName);
  let edits;
  let name = traceName;
  let expected;
  if (existsSync(file)) {
    const trace = JSON.parse(gunzipSync(readFileSync(file)).toString("utf8"));
    edits = trace.txns.flatMap((txn) => txn.patches);
    if (count >= edits.length) expected = trace.endContent;
  } else {
    name = "generated edits";
    context.log(`NOTE: there is no ${file} (set COTERIE_TRACES to its folder): typing GENERATED edits.`);
    edits = generateEdits(context.random, Math.min(count, 20_000));
  }
  edits = edits.slice(0, count);
  const text = replay(edits);
  if (expected !== undefined && text !== expected) throw new Error(`${file}: its edits do not give its endContent`);
  return { edits, text, name };
}

/** Without surrogate pairs, which an edit at a random position would split. */
function generateEdits(random, count) {
  const words = ["node", "mesh", "log", "naïve", "Schlüssel", "文書", "\n", "entry", "replica"];
  const edits = [];
  let length = 0;
  let at = 0;
  while (edits.length < count) {
    if (random.next() < 0.02) at = random.below(length + 1);
    const remove = at < length && random.next() < 0.1 ? 1 : 0;
    const insert = remove ? "" : random.next() < 0.1 ? words[random.below(words.length)] : "abcdefg "[random.below(8)];
    edits.push([at, remove, insert]);
    length += insert.length - remove;
    at += insert.length;
  }
  return edits;
}

/** What `edits` make of an empty text. A gap buffer: the trace would take minutes on one string. */
export function replay(edits) {
  const before = [];
  const after = []; // Reversed.
  for (const [position, remove, insert] of edits) {
    while (before.length > position) after.push(before.pop());
    while (before.length < position) before.push(after.pop());
    after.length -= remove;
    for (let i = 0; i < insert.length; ++i) before.push(insert.charCodeAt(i));
  }
  const units = before.concat(after.reverse());
  let text = "";
  for (let i = 0; i < units.length; i += 8192) text += String.fromCharCode(...units.slice(i, i + 8192));
  return text;
}
