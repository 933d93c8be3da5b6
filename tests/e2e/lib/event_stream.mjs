// Server-sent events as they come.

import http from "node:http";
import https from "node:https";

import { until } from "./scenario.mjs";

export class EventStream {
  events = []; // {id, event, data}
  comments = 0;
  status = 0;
  ended = false;
  #rest = "";

  constructor(context, url, headers = {}) {
    const { request } = url.startsWith("https") ? https : http;
    this.request = request(url, { headers, rejectUnauthorized: false }, (response) => {
      this.status = response.statusCode;
      this.headers = response.headers;
      response.setEncoding("utf8");
      response.on("data", (text) => this.#take(text));
      response.on("close", () => (this.ended = true));
    });
    this.request.on("error", () => (this.ended = true));
    this.request.end();
    context.defer(() => this.close());
  }

  #take(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split("\n")) {
        if (line.startsWith(":")) this.comments += 1;
        const [, name, value] = /^(\w+): (.*)$/.exec(line) ?? [];
        if (name) event[name] = name === "data" ? JSON.parse(value) : value;
      }
      if (event.data) this.events.push(event);
    }
  }

  /** The data of the first event of that type, once it has come. */
  async told(type, fits = () => true) {
    const find = () => this.events.find(({ data }) => data.type === type && fits(data));
    return (await until(`the stream tells ${type}`, find, { everyMs: 5 })).data;
  }

  close() {
    this.request.destroy();
  }
}
