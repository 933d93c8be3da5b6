// Keystrokes for measurements: clients without a Yjs document, so that what is measured is the node
// and not the client. Times are of the system's monotonic clock, in nanoseconds: comparable across
// processes of one machine.

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { WebSocket } from "ws";
import * as Y from "yjs";

import { roomOf, textRoot } from "./client.mjs";
import { sleep } from "./scenario.mjs";

const messageSync = 0;
const messageAwareness = 1;
const step1 = 0;
const step2 = 1;
const update = 2;

export const monotonic = () => process.hrtime.bigint();

/** A WebSocket that has been through Yjs' handshake as somebody who holds nothing. */
class Attached {
  /** Resolves once the node's document has come. */
  static async open(bridge, workspace, document) {
    const self = new this();
    const url = `${bridge.replace(/^http/, "ws")}/sync/${roomOf(workspace, document)}`;
    self.socket = new WebSocket(url, { perMessageDeflate: false });
    await new Promise((resolve, reject) => self.socket.once("open", resolve).once("error", reject));
    self.socket.on("error", () => {});
    const synced = new Promise((resolve) => (self.synced = resolve));
    self.socket.on("message", (data) => self.#take(data));
    self.socket.send(message(step1, Y.encodeStateVector(new Map())));
    await synced;
    return self;
  }

  #take(data) {
    const at = monotonic();
    const decoder = decoding.createDecoder(data);
    const type = decoding.readVarUint(decoder);
    if (type === messageAwareness) this.onAwareness?.(decoder, at);
    if (type !== messageSync) return;
    const kind = decoding.readVarUint(decoder);
    if (kind === step2) this.synced();
    if (kind === update) this.onUpdate?.(decoder, at);
  }

  close() {
    this.socket.terminate();
  }
}

function message(kind, payload) {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, messageSync);
  encoding.writeVarUint(encoder, kind);
  encoding.writeVarUint8Array(encoder, payload);
  return encoding.toUint8Array(encoder);
}

/** Types one letter after another at the end of what it typed itself. */
export class Keys extends Attached {
  #doc = new Y.Doc();
  #next = null;
  typed = 0;

  get clientId() {
    return this.#doc.clientID;
  }

  /** Sends the next letter, the `typed`th of this client; returns when. */
  press() {
    if (this.#next === null) this.#doc.on("update", (bytes) => (this.#next = message(update, bytes)));
    const text = this.#doc.getText(textRoot);
    text.insert(text.length, "x");
    this.typed += 1;
    const at = monotonic();
    this.socket.send(this.#next);
    return at;
  }
}

/** Calls `onKey(clientId, number, at)` for each letter of Keys that arrives. */
export class Eyes extends Attached {
  onKey = () => {};

  onUpdate(decoder, at) {
    for (const { id, length } of Y.decodeUpdate(decoding.readVarUint8Array(decoder)).structs) {
      for (let i = 1; i <= length; ++i) this.onKey(id.client, id.clock + i, at);
    }
  }
}

/** Shows awareness states, and sees those of others. */
export class Somebody extends Attached {
  #clock = 0;
  /** Called with [client, state] pairs and when they came. */
  onStates = () => {};

  /** Returns when it was sent. */
  show(clientId, state) {
    const payload = encoding.createEncoder();
    encoding.writeVarUint(payload, 1);
    encoding.writeVarUint(payload, clientId);
    encoding.writeVarUint(payload, ++this.#clock);
    encoding.writeVarString(payload, JSON.stringify(state));
    const message = encoding.createEncoder();
    encoding.writeVarUint(message, messageAwareness);
    encoding.writeVarUint8Array(message, encoding.toUint8Array(payload));
    const at = monotonic();
    this.socket.send(encoding.toUint8Array(message));
    return at;
  }

  onAwareness(decoder, at) {
    const payload = decoding.createDecoder(decoding.readVarUint8Array(decoder));
    const states = [];
    for (let left = decoding.readVarUint(payload); left > 0; --left) {
      const client = decoding.readVarUint(payload);
      decoding.readVarUint(payload);
      states.push([client, JSON.parse(decoding.readVarString(payload))]);
    }
    this.onStates(states, at);
  }
}

/** How long keystrokes take from a client of `from` to one of `to`, one after another, in milliseconds. */
export async function keystrokes(context, from, to, seconds) {
  const document = `keys/${context.random.below(1e9)}`;
  const keys = await Keys.open(from.bridge, "demo", document);
  const eyes = await Eyes.open(to.bridge, "demo", document);
  const times = [];
  let arrived;
  eyes.onKey = (client, key, at) => client === keys.clientId && key === keys.typed && arrived(at);
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const arrival = new Promise((resolve) => (arrived = resolve));
    const pressed = keys.press();
    times.push(Number((await arrival) - pressed) / 1e6);
    await sleep(25 + context.random.below(20)); // Beyond the coalescing window.
  }
  keys.close();
  eyes.close();
  return times.slice(5); // The first make the document.
}

/** {median, p95, p99, max, count} of `samples`. */
export function quantiles(samples) {
  const sorted = Float64Array.from(samples).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { median: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1), count: sorted.length };
}
