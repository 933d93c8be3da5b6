// Clients that write anything, remember what a node promised to keep, and look for it.

import * as Y from "yjs";

import { editAnything } from "./any_edit.mjs";
import { Client } from "./client.mjs";
import { check, until } from "./scenario.mjs";

const editEveryMs = 2;

/** Of one client: everything in its updates that were reported saved. */
class Promises {
  #taken = 0;
  /** Yjs client id => clock up to which its structs were saved. */
  #clocks = new Map();
  /** Yjs client id => disjoint ranges [begin, end) that were deleted. */
  #deleted = new Map();

  /** How many edits were promised. */
  get edits() {
    return this.#taken;
  }

  /** Takes what `client` (see Client) was told since the last time. */
  take(client) {
    for (; this.#taken < client.savedEdits; ++this.#taken) {
      const { structs, ds } = Y.decodeUpdate(client.updates[this.#taken]);
      for (const { id, length } of structs) {
        this.#clocks.set(id.client, Math.max(this.#clocks.get(id.client) ?? 0, id.clock + length));
      }
      for (const [id, ranges] of ds.clients) {
        const all = this.#deleted.get(id) ?? [];
        for (const { clock, len } of ranges) all.push([clock, clock + len]);
        this.#deleted.set(id, merge(all));
      }
    }
  }

  /** What of it `doc` does not hold, in words; nothing if it holds all. */
  missingIn(doc) {
    const { sv, ds } = Y.snapshot(doc);
    for (const [id, clock] of this.#clocks) {
      if ((sv.get(id) ?? 0) < clock) return `structs ${sv.get(id) ?? 0} to ${clock} of client ${id}`;
    }
    for (const [id, ranges] of this.#deleted) {
      const held = merge((ds.clients.get(id) ?? []).map(({ clock, len }) => [clock, clock + len]));
      for (const [begin, end] of ranges) {
        if (!held.some((range) => range[0] <= begin && end <= range[1])) {
          return `that ${begin} to ${end} of client ${id} were deleted`;
        }
      }
    }
    return undefined;
  }
}

function merge(ranges) {
  ranges.sort((a, b) => a[0] - b[0]);
  const merged = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last && range[0] <= last[1]) last[1] = Math.max(last[1], range[1]);
    else merged.push([...range]);
  }
  return merged;
}

export class Writer {
  promises = new Promises();
  #typing;

  constructor(context, node, document) {
    this.random = context.random;
    this.document = document;
    this.client = new Client(null, node.bridge, "demo", document, { saved: true });
    context.defer(() => this.close());
  }

  /** Types until it is stopped. */
  begin() {
    this.client.provider.connect();
    this.#typing = setInterval(() => editAnything(this.client.doc, this.random), editEveryMs);
  }

  /** It stays connected until the node is gone: what was told before counts. */
  stop() {
    clearInterval(this.#typing);
    this.client.provider.shouldConnect = false;
  }

  /** Resolves once everything the dead node had sent has been read. */
  async cutOff() {
    const { provider } = this.client;
    await until("the connection to the killed node ends", () => !provider.ws, { everyMs: 2 });
    provider.disconnect();
    const before = this.promises.edits;
    this.promises.take(this.client);
    return this.promises.edits - before;
  }

  close() {
    clearInterval(this.#typing);
    this.client.close();
  }
}

/** Asks `node`, with clients that know nothing, for all that `writers` were promised. */
export async function lookForPromises(node, writers) {
  const strangers = new Map();
  try {
    for (const { document } of writers) {
      if (!strangers.has(document)) strangers.set(document, new Client(null, node.bridge, "demo", document));
    }
    for (const stranger of strangers.values()) await stranger.synced();
    for (const { document, promises } of writers) {
      const missing = promises.missingIn(strangers.get(document).doc);
      check(missing === undefined, `all ${promises.edits} saved edits of a writer in ${document}; missing: ${missing}`);
    }
  } finally {
    for (const stranger of strangers.values()) stranger.close();
  }
}
