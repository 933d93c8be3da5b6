// Many real nodes, each on a host of its own, on a network that is as bad as wanted
// (tests/e2e/lab_network.cpp). Call enterPrivateNetwork() of network.mjs first.

import { execFileSync, spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import * as Y from "yjs";

import { textRoot } from "./client.mjs";
import { Node } from "./nodes.mjs";
import { check, root, Skipped, until } from "./scenario.mjs";

const tool = process.env.COTERIE_LAB_NETWORK ?? path.join(root, "build/release/bin/lab_network");
const hostsPerNet = 250;
const meshPort = 7000;
const bridgePort = 8000;

export const addressOf = (host) => `10.77.${Math.floor(host / hostsPerNet)}.${(host % hostsPerNet) + 1}`;

/** The wire between hosts 0 to `hosts` - 1; host 0 is where this process is. */
export class LabNetwork {
  static async start(context, hosts, seed) {
    check(existsSync(tool), `${tool} to be there: run ./dev build, or set COTERIE_LAB_NETWORK`);
    try {
      accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    } catch {
      throw new Skipped("this system lets this user make no TUN interfaces");
    }
    execFileSync("mount", ["-t", "tmpfs", "coterie-e2e", "/run"]); // Hides the machine's /run/netns.
    const self = new LabNetwork();
    self.process = spawn(tool, [String(hosts), String(seed)], { stdio: ["pipe", "pipe", "inherit"] });
    context.defer(() => self.process.stdin.end());
    const waiting = [];
    self.waiting = waiting;
    createInterface(self.process.stdout).on("line", (line) => waiting.shift()?.(line));
    await new Promise((resolve, reject) => {
      waiting.push(resolve);
      self.process.once("exit", (code) => reject(new Error(`lab_network ended with ${code}`)));
    });
    return self;
  }

  /** Carries out a command of lab_network; resolves to its answer. */
  tell(...words) {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.process.stdin.write(`${words.join(" ")}\n`);
    });
  }

  async stats() {
    return JSON.parse(await this.tell("stats"));
  }
}

/** A node on a host of the lab. It is asked over its control socket, without a process each time. */
export class LabNode extends Node {
  #written = new Y.Doc();
  #words = 0;
  saved = []; // Words that were reported saved.

  constructor(context, host) {
    const prefix = host === 0 ? [] : ["ip", "netns", "exec", `h${host}`];
    super(context, `node${host}`, { listen: addressOf(host), prefix });
    this.host = host;
    this.meshPort = meshPort;
    this.bridgePort = bridgePort;
  }

  init() {
    const { prefix } = this;
    this.prefix = []; // Nothing is sent.
    return this.cli("init", "--name", this.name).finally(() => (this.prefix = prefix));
  }

  /** Adds a word, with `padding` bytes behind it, to the document; resolves when it is saved. */
  async write(document, padding = 0) {
    const word = `<${this.host}.${++this.#words}>`;
    let update;
    this.#written.once("update", (bytes) => (update = bytes));
    const text = this.#written.getText(textRoot);
    text.insert(text.length, word + "x".repeat(padding));
    await this.call("doc.import", { workspace: "demo", path: document, update: Buffer.from(update).toString("hex") });
    this.saved.push(word);
    return word;
  }

  async holds(document, words) {
    const { text } = await this.call("doc.text", { workspace: "demo", path: document, root: textRoot });
    return words.every((word) => text.includes(word));
  }

  /** Hosts let in one a second, after the first twenty: it asks until they do. */
  join(invite) {
    return until(`${this.name} is a member`, () => this.call("join", { invite }), { everyMs: 200, timeoutMs: 300_000 });
  }

  async links() {
    return (await this.call("peers", { workspace: "demo" })).peers.filter((peer) => peer.linked).length;
  }
}

/** Runs `work(item)` for all `items`, `width` at a time. */
export async function inBatches(items, width, work) {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (queue.length > 0) await work(queue.shift());
    }),
  );
}

/** Makes `nodes` members of one workspace of the first of them, all by one invite, and starts them:
 *  `width` at a time, the next when these have `links` links. Resolves to the milliseconds that joining
 *  took each. */
export async function formLab(nodes, { links, width = 16 }) {
  const [first, ...others] = nodes;
  await first.init();
  await first.start();
  await first.cli("workspace", "create", "demo");
  if (others.length === 0) return [];
  first.invite = (await first.cli("invite", "demo", "--uses", String(others.length + 50))).trim().split(/\s+/).at(-1);
  const joined = [];
  // Each goes again: were all there, everybody would be told of each newcomer one by one.
  await inBatches(others, 8, async (node) => {
    await node.init();
    await node.start();
    const began = performance.now();
    await node.join(first.invite);
    joined.push(performance.now() - began);
    await node.stop();
  });
  // Nobody's machine is started at the same moment as all the others.
  for (let i = 0; i < others.length; i += width) {
    const some = others.slice(i, i + width);
    await Promise.all(some.map((node) => node.start()));
    await linkedEach(some, Math.min(links, i + some.length));
  }
  return joined;
}

/** Waits until each of `nodes` has that many links. */
export function linkedEach(nodes, links) {
  const left = new Set(nodes);
  return until(
    `each has at least ${links} links`,
    async () => {
      await inBatches(left, 16, async (node) => {
        if ((await node.links()) >= links) left.delete(node);
      });
      return left.size === 0;
    },
    { timeoutMs: 120_000, everyMs: 200 },
  );
}

/** Resolves to the milliseconds until all `nodes` hold all `words`. Of many it is asked less often: asking is work, too. */
export async function allHold(what, nodes, document, words) {
  const timeoutMs = 90_000 + 1000 * nodes.length;
  const everyMs = 100 + 5 * nodes.length;
  const started = performance.now();
  const left = new Set(nodes);
  await until(
    what,
    async () => {
      await inBatches(left, 16, async (node) => {
        if (await node.holds(document, words).catch(() => false)) left.delete(node);
      });
      return left.size === 0;
    },
    { timeoutMs, everyMs },
  ).catch((error) => {
    throw new Error(`${error.message}; not yet: ${[...left].map((node) => node.name).join(" ")}`);
  });
  return performance.now() - started;
}
