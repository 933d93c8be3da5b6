// Stock Yjs clients, as a browser would run them.

import { fork } from "node:child_process";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { Hopeless, until } from "./scenario.mjs";

export const textRoot = "monaco";
const messageSync = 0;
const syncStep2 = 1;
const messageSaved = 100;
/** Unsent bytes beyond which a typist waits, as a browser's event loop would make it. */
const bufferedBytesMax = 1024 * 1024;

/** A room's address below /sync. */
export const roomOf = (workspace, document) =>
  [workspace, ...document.split("/")].map(encodeURIComponent).join("/");

/**
 * A document attached to a bridge. Counts which of its own edits the node reported saved
 * (message type 100): `savedEdits` of `updates`, in order.
 */
export class Client {
  doc = new Y.Doc();
  text = this.doc.getText(textRoot);
  /** Each local edit as an update. */
  updates = [];
  savedEdits = 0;
  connections = 0;
  /** Of the current connection: for each counted message, how many edits it and those before cover. */
  #covered = [];
  #step2At = Infinity;

  constructor(context, bridge, workspace, document, { saved = false } = {}) {
    this.provider = new WebsocketProvider(bridge.replace(/^http/, "ws") + "/sync", roomOf(workspace, document), this.doc, {
      WebSocketPolyfill: WebSocket,
      disableBc: true,
      connect: false,
      params: saved ? { saved: "1" } : {},
    });
    if (saved) this.#countSaved();
    this.provider.connect();
    context?.defer(() => this.close());
  }

  synced() {
    return until("the client is synced", () => this.provider.synced);
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.provider.destroy();
    this.doc.destroy();
  }

  /** Types `edits`, each in a transaction of its own. `onEdit(i)` is called before edit i. */
  async type(edits, { onEdit = () => {}, editsPerSecond = Infinity } = {}) {
    const started = performance.now();
    for (let i = 0; i < edits.length; ++i) {
      const pending = onEdit(i);
      if (pending) await pending;
      const [position, remove, insert] = edits[i];
      this.doc.transact(() => {
        if (remove > 0) this.text.delete(position, remove);
        if (insert) this.text.insert(position, insert);
      });
      if (i % 64 === 0) {
        do {
          await new Promise((resolve) => setImmediate(resolve));
        } while (
          (this.provider.ws?.bufferedAmount ?? 0) > bufferedBytesMax ||
          i / editsPerSecond > (performance.now() - started) / 1000
        );
      }
    }
  }

  allSaved(options) {
    return until("all edits are reported saved", () => this.savedEdits === this.updates.length, {
      timeoutMs: 120_000,
      ...options,
    });
  }

  /** What the first `savedEdits` edits make: what the node must never lose. */
  savedDocument() {
    const doc = new Y.Doc();
    doc.transact(() => {
      for (const update of this.updates.slice(0, this.savedEdits)) Y.applyUpdate(doc, update);
    });
    return doc;
  }

  #countSaved() {
    const { provider } = this;
    provider.on("status", ({ status }) => {
      if (status !== "connected") return;
      this.connections += 1;
      this.#covered = [];
      this.#step2At = Infinity;
    });
    this.doc.on("update", (update, origin) => {
      if (origin === provider) return;
      this.updates.push(update);
      if (provider.wsconnected && provider.ws?.readyState === WebSocket.OPEN) this.#covered.push(this.updates.length);
    });
    const readSync = provider.messageHandlers[messageSync];
    provider.messageHandlers[messageSync] = (encoder, ...rest) => {
      readSync(encoder, ...rest);
      const answer = encoding.toUint8Array(encoder);
      if (answer.length > 1 && answer[1] === syncStep2) {
        this.#step2At = Math.min(this.#step2At, this.#covered.length);
        this.#covered.push(this.updates.length);
      }
    };
    provider.messageHandlers[messageSaved] = (_encoder, decoder) => {
      const count = decoding.readVarUint(decoder);
      if (count > this.#covered.length) throw new Error(`${count} messages reported saved, ${this.#covered.length} sent`);
      // Only our step 2 brings what was edited between connections.
      if (count > this.#step2At) this.savedEdits = Math.max(this.savedEdits, this.#covered[count - 1]);
    };
  }
}

/** True if `doc` holds everything that `part` holds, deletions too. */
export function holds(doc, part) {
  const both = new Y.Doc();
  Y.applyUpdate(both, Y.encodeStateAsUpdate(doc));
  const before = Y.snapshot(both);
  Y.applyUpdate(both, Y.encodeStateAsUpdate(part));
  return Y.equalSnapshots(before, Y.snapshot(both));
}

/** The hexadecimal form of a state vector, its clients in ascending order. */
export function canonicalStateVector(bytes) {
  return JSON.stringify(Array.from(Y.decodeStateVector(bytes)).sort(([a], [b]) => a - b));
}

/** A stock client in a process of its own that watches a document; see watcher.mjs. */
export class Watcher {
  constructor(context, node, workspace, document) {
    this.node = node;
    const script = new URL("./watcher.mjs", import.meta.url).pathname;
    const args = [node.bridge, workspace, document];
    const [command, ...prefix] = node.prefix;
    this.process = command
      ? fork(script, args, { execPath: command, execArgv: [...prefix, process.execPath] })
      : fork(script, args);
    this.process.on("exit", (code) => (this.exited = code ?? -1));
    context.defer(() => this.process.kill());
  }

  text() {
    return this.#ask("text");
  }

  /** Resolves to how many milliseconds it took until the watched text is `text`. */
  async shows(text, { timeoutMs = 120_000 } = {}) {
    const started = performance.now();
    await until(`the watcher at ${this.node.name} shows the expected text`, async () => (await this.text()) === text, {
      timeoutMs,
      everyMs: 100,
    });
    return performance.now() - started;
  }

  /** Shows itself under that name. */
  present(name) {
    return this.#ask({ present: name });
  }

  /** The names of those who are shown as present. */
  people() {
    return this.#ask("people");
  }

  /** {updates}: how the text came in. */
  stats() {
    return this.#ask("stats");
  }

  #ask(question) {
    if (this.exited !== undefined) throw new Hopeless(`the watcher ended with ${this.exited}`);
    return new Promise((resolve, reject) => {
      this.process.once("message", resolve);
      this.process.send(question, (error) => error && reject(error));
    });
  }
}
