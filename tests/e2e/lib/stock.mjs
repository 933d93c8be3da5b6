// Stock providers from npm behind one face: what a test does with a client, whatever it speaks.
//
//     online(), offline()   resolve when it is
//     synced()              resolves once the document has come
//     unsaved               how many of its messages the node has not said to be saved; undefined
//                           where the protocol does not tell

import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { roomOf } from "./client.mjs";
import { until } from "./scenario.mjs";

/** Providers close sockets that are about to open, and take no notice of the error any more. */
export class QuietSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.on("error", () => {});
  }
}

/** QuietSocket for servers whose certificate `ca` signed. */
export const trusting = (ca) =>
  class extends QuietSocket {
    constructor(url, protocols) {
      super(url, protocols, { ca });
    }
  };

export const websocketOf = (bridge) => bridge.replace(/^http/, "ws");

class StockClient {
  /** `copy`: a document of the caller's, with what it has already; else a new one. */
  constructor(context, name, copy) {
    this.name = name;
    this.doc = copy ?? new Y.Doc();
    this.ownsDoc = copy === undefined;
    context.defer(() => this.close());
  }

  get awareness() {
    return this.provider.awareness;
  }

  synced() {
    return until(`${this.name} is synced`, () => this.provider.synced);
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.provider.destroy();
    if (this.ownsDoc) this.doc.destroy();
  }
}

/**
 * y-websocket. `refusals` are the reasons the node gave for what it did not take; `status` is that of
 * an upgrade that was refused, `closes` the codes of connections that ended.
 */
export class PlainClient extends StockClient {
  refusals = [];
  closes = [];
  status = undefined;
  unsaved = undefined;

  constructor(context, name, bridge, workspace, document, { token, socket = QuietSocket } = {}) {
    super(context, name);
    this.provider = new WebsocketProvider(`${websocketOf(bridge)}/sync`, roomOf(workspace, document), this.doc, {
      WebSocketPolyfill: socket,
      disableBc: true,
      params: token ? { token } : {},
    });
    this.provider.on("connection-error", ({ message }) => {
      const refused = /response: (\d+)/.exec(message);
      if (refused) this.status = Number(refused[1]);
    });
    this.provider.on("connection-close", (event) => event && this.closes.push(event.code));
    const auth = 2;
    this.provider.messageHandlers[auth] = (_encoder, decoder) => {
      decoder.pos += 1; // "Permission denied": there is nothing else.
      this.refusals.push(new TextDecoder().decode(decoder.arr.subarray(decoder.pos + 1)));
      decoder.pos = decoder.arr.length;
    };
  }

  async online() {
    this.provider.connect();
    await this.synced();
  }

  async offline() {
    this.provider.disconnect();
    await until(`${this.name} is offline`, () => !this.provider.wsconnected && !this.provider.wsconnecting);
  }
}

/** The socket of any number of Hocuspocus clients. */
export class HocuspocusSocket {
  constructor(context, bridge, query = "", socket = QuietSocket) {
    this.inner = new HocuspocusProviderWebsocket({
      url: `${websocketOf(bridge)}/hocuspocus${query}`,
      WebSocketPolyfill: socket,
      delay: 100,
      minDelay: 50,
      maxDelay: 1000,
    });
    this.closes = [];
    this.inner.on("close", ({ event }) => this.closes.push(event.code));
    context.defer(() => this.inner.destroy());
  }

  online() {
    return this.inner.connect();
  }

  async offline() {
    this.inner.disconnect();
    await until("the socket is closed", () => this.inner.status === "disconnected" && this.inner.webSocket === null);
  }
}

/**
 * @hocuspocus/provider, of a document of `socket`. `statuses` are what the node said of each message:
 * 1 it is saved, 0 it was refused.
 */
export class HocuspocusClient extends StockClient {
  statuses = [];
  scopes = [];
  denials = [];
  heard = [];
  closes = [];

  constructor(context, name, socket, address, { copy, ...options } = {}) {
    super(context, name, copy);
    this.socket = socket;
    this.provider = new HocuspocusProvider({
      websocketProvider: socket.inner,
      name: address,
      document: this.doc,
      onAuthenticated: ({ scope }) => this.scopes.push(scope),
      onAuthenticationFailed: ({ reason }) => this.denials.push(reason),
      onStateless: ({ payload }) => this.heard.push(JSON.parse(payload)),
      onClose: ({ event }) => this.closes.push(event),
      ...options,
    });
    const syncStatus = 8;
    this.provider.on("message", ({ message }) => {
      message.readVarString();
      if (message.readVarUint() === syncStatus) this.statuses.push(message.readVarUint());
    });
    this.provider.attach();
  }

  get unsaved() {
    return this.provider.unsyncedChanges;
  }

  say(object) {
    this.provider.sendStateless(JSON.stringify(object));
  }

  hears(what, matches) {
    return until(`${this.name} hears ${what}`, () => this.heard.find(matches), { everyMs: 5 });
  }

  async online() {
    await this.socket.online();
    await this.synced();
  }

  offline() {
    return this.socket.offline();
  }
}
