// The events of a document (docs/API/events.md) at a bridge, one question at a time.

import { WebSocket } from "ws";

import { websocketOf } from "./stock.mjs";
import { until } from "./scenario.mjs";

/** Asks by `say(object)` and finds the answer among `heard`: `ok`, `error` and the like by their id. */
export class Questions {
  #next = 0;

  constructor(say, heard, name) {
    Object.assign(this, { say, heard, name });
  }

  /** Resolves to the answer. */
  async ask(object) {
    const id = `q${this.#next++}`;
    this.say({ ...object, id });
    return until(`${this.name} is answered ${JSON.stringify(object)}`, () => this.heard.find((one) => one.id === id), {
      everyMs: 2,
    });
  }
}

/** `status` is that of the upgrade: 101, or why it was refused. */
export class EventSocket {
  heard = [];
  closeCode = undefined;

  static open(context, bridge, documentId, { token, headers } = {}) {
    const self = new EventSocket();
    const query = token ? `?token=${encodeURIComponent(token)}` : "";
    self.socket = new WebSocket(`${websocketOf(bridge)}/v1/documents/${documentId}/events${query}`, { headers });
    context.defer(() => self.close());
    self.questions = new Questions((object) => self.socket.send(JSON.stringify(object)), self.heard, "events");
    self.socket.on("message", (text) => self.heard.push(JSON.parse(text)));
    self.socket.on("close", (code) => (self.closeCode = code));
    self.socket.on("error", () => {});
    return new Promise((resolve) => {
      self.socket.once("open", () => resolve(Object.assign(self, { status: 101 })));
      self.socket.once("unexpected-response", (_request, response) => {
        response.resume();
        resolve(Object.assign(self, { status: response.statusCode }));
      });
    });
  }

  ask(object) {
    return this.questions.ask(object);
  }

  close() {
    this.socket.terminate();
  }
}
