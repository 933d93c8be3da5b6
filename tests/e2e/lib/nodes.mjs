// Real nodes: the built `coterie`, each with a data directory of its own.

import { execFile, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { promisify } from "node:util";

import { check, Hopeless, root, Skipped, sleep, until } from "./scenario.mjs";

const run = promisify(execFile);
const clockTicksPerSecond = 100; // USER_HZ, fixed in Linux's interface.
const stopTimeoutMs = 20_000;

export const binary = process.env.COTERIE_BIN ?? path.join(root, "build/release/bin/coterie");

export function needBinary() {
  if (!existsSync(binary)) throw new Skipped(`there is no ${binary}: run ./dev build, or set COTERIE_BIN`);
}

/** A port that nobody listens on, below those that the kernel hands to outgoing connections: one of
 *  these could be taken between this look and its use. */
export async function freePort() {
  for (let tries = 0; ; tries++) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    const server = net.createServer();
    try {
      await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
    } catch (error) {
      if (tries < 50) continue;
      throw error;
    }
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** What a descriptor is; it may be closed meanwhile. */
function linkOf(path) {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** What a command said when it failed. */
export class CommandFailed extends Error {
  constructor(args, { code, stdout, stderr }) {
    super(`coterie ${args.join(" ")}: exit ${code}: ${stderr || stdout}`.trim());
    Object.assign(this, { code, stdout, stderr });
  }
}

export class Node {
  #process = null;
  #cpuSeconds = 0;
  #peakBytes = 0;

  /**
   * `listen` is the mesh endpoint's host; `prefix` goes before each command (to enter a network
   * namespace); `data` is the directory of a node that somebody else runs.
   */
  constructor(context, name, { listen = "127.0.0.1", prefix = [], data } = {}) {
    this.context = context;
    this.name = name;
    this.data = data ?? path.join(context.directory, name);
    this.logFile = path.join(context.directory, `${name}.log`);
    this.listenHost = listen;
    this.prefix = prefix;
    this.runArguments = []; // More for `coterie run`.
    this.starts = 0;
    context.defer(() => this.stop({ orKill: true }));
  }

  /** Runs one command and returns what it printed. Throws CommandFailed. */
  async cli(...args) {
    const [command, ...rest] = [...this.prefix, binary, "--data", this.data, ...args];
    try {
      return (await run(command, rest, { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 })).stdout;
    } catch (error) {
      if (error.stderr === undefined) throw error;
      throw new CommandFailed(args, error);
    }
  }

  async json(...args) {
    return JSON.parse(await this.cli("--json", ...args));
  }

  async init() {
    await this.cli("init", "--name", this.name);
    this.meshPort = await freePort();
    this.bridgePort = await freePort();
  }

  get mesh() {
    return `tcp://${this.listenHost}:${this.meshPort}`;
  }
  get bridge() {
    return `http://127.0.0.1:${this.bridgePort}`;
  }
  get pid() {
    return this.#process?.pid;
  }

  /** Resolves when the process that runs now has ended, however it does. */
  exited() {
    return this.#process?.exited ?? Promise.resolve();
  }

  /** `args` instead of those of an ordinary node. */
  async start(args) {
    check(this.#process === null, `${this.name} to be stopped`);
    const ordinary = ["run", "--listen", this.mesh, "--bridge", `127.0.0.1:${this.bridgePort}`];
    const [command, ...rest] = [
      ...this.prefix, binary, "--data", this.data, ...(args ?? ordinary), ...this.runArguments,
    ]; // prettier-ignore
    const log = openSync(this.logFile, "a");
    const child = spawn(command, rest, { stdio: ["ignore", "pipe", log] });
    closeSync(log);
    this.#process = child;
    this.starts += 1;
    this.failure = null;
    let said = "";
    child.stdout.on("data", (data) => (said += data));
    child.exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    void child.exited.then((end) => {
      if (this.#process !== child) return;
      this.#process = null;
      this.failure = new Hopeless(`${this.name} ended by itself (${JSON.stringify(end)}):\n${this.lastLog()}`);
    });
    await until(`${this.name} is ready`, () => {
      if (this.failure) throw this.failure;
      if (this.#process !== child) throw new Hopeless(`${this.name} was stopped while it started`);
      return /^ready$/m.test(said);
    }, { everyMs: 5 });
  }

  lastLog(lines = 15) {
    return readFileSync(this.logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** Ends the process: politely, or at once with `signal` SIGKILL. Returns how it ended. */
  async stop({ signal = "SIGTERM", orKill = false } = {}) {
    const child = this.#process;
    if (!child) return null;
    this.usage(); // The last chance to read it.
    this.#process = null;
    this.#cpuSeconds = this.lastCpuSeconds ?? this.#cpuSeconds;
    child.kill(signal);
    const ended = await Promise.race([child.exited, sleep(stopTimeoutMs)]);
    if (ended) return ended;
    child.kill("SIGKILL");
    await child.exited;
    if (orKill) return null;
    throw new Error(`${this.name} did not stop within ${stopTimeoutMs / 1000} s:\n${this.lastLog()}`);
  }

  kill9() {
    return this.stop({ signal: "SIGKILL" });
  }

  /** {cpuSeconds, peakBytes} of all its processes so far. */
  usage() {
    try {
      const stat = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ").at(-1).split(" ");
      this.lastCpuSeconds = this.#cpuSeconds + (Number(stat[11]) + Number(stat[12])) / clockTicksPerSecond;
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"));
      this.#peakBytes = Math.max(this.#peakBytes, Number(peak?.[1] ?? 0) * 1024);
    } catch {
      // It has ended; what was read before stands.
    }
    return { cpuSeconds: this.lastCpuSeconds ?? 0, peakBytes: this.#peakBytes };
  }

  async text(workspace, document) {
    return this.cli("doc", "cat", workspace, document, "--root", "monaco");
  }

  async stateVector(workspace, document) {
    return (await this.json("doc", "state", workspace, document)).state_vector;
  }

  /** One operation of the control socket (node/daemon/control.hpp). */
  call(operation, args = {}) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(path.join(this.data, "control.sock"));
      let said = "";
      socket.setEncoding("utf8");
      socket.on("connect", () => socket.write(`${JSON.stringify({ operation, arguments: args })}\n`));
      socket.on("data", (data) => {
        said += data;
        if (!said.endsWith("\n")) return;
        socket.destroy();
        const answer = JSON.parse(said);
        if (answer.ok) resolve(answer.result);
        else reject(new Error(`${this.name}: ${operation}: ${answer.error.message}`));
      });
      socket.on("error", reject);
      socket.on("close", () => reject(new Error(`${this.name} ended during ${operation}`)));
    });
  }

  /** Bytes that are in memory and in no file: what it cannot give back. */
  ownMemory() {
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))[1]) * 1024;
  }

  /** {pss, threads, sockets, cpuSeconds} of its process now; pss in bytes. */
  weight() {
    const proc = `/proc/${this.pid}`;
    const tasks = readdirSync(`${proc}/task`);
    const nanos = tasks.map((task) => Number(readFileSync(`${proc}/task/${task}/schedstat`, "utf8").split(" ")[0]));
    return {
      pss: Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`${proc}/smaps_rollup`, "utf8"))[1]) * 1024,
      threads: tasks.length,
      sockets: readdirSync(`${proc}/fd`).filter((fd) => linkOf(`${proc}/fd/${fd}`).startsWith("socket:")).length,
      cpuSeconds: nanos.reduce((sum, one) => sum + one, 0) / 1e9,
    };
  }

  reportUsage() {
    const { cpuSeconds, peakBytes } = this.usage();
    const starts = this.starts > 1 ? ` (${this.starts} processes)` : "";
    this.context.figure(
      `${this.name}: CPU; peak memory`,
      `${cpuSeconds.toFixed(2)} s; ${(peakBytes / 2 ** 20).toFixed(1)} MiB${starts}`,
    );
  }
}

/** Starts `nodes`, makes `workspace` on the first and joins the others by invites. */
export async function formTeam(nodes, workspace = "demo") {
  const [first, ...others] = nodes;
  for (const node of nodes) {
    await node.init();
    await node.start();
  }
  await first.cli("workspace", "create", workspace);
  for (const node of others) {
    const invite = (await first.cli("invite", workspace)).trim().split(/\s+/).at(-1);
    await node.cli("join", invite);
  }
  await linked(nodes, workspace);
}

/** Waits until each of `nodes` is linked to all the others. */
export async function linked(nodes, workspace = "demo") {
  const links = async (node) => (await peersOf(node, workspace)).filter((peer) => peer.linked).length;
  for (const node of nodes) {
    try {
      await until(
        `${node.name} is linked to the ${nodes.length - 1} others`,
        async () => (await links(node)) === nodes.length - 1,
      );
    } catch (error) {
      for (const each of nodes) each.context.log(`  ${each.name}: ${await each.cli("peers", workspace)}`);
      throw error;
    }
  }
}

export async function peersOf(node, workspace = "demo") {
  return (await node.json("peers", workspace)).peers;
}

/** Waits until all `nodes` hold `text` under the same state vector, which it returns. */
export async function converged(nodes, workspace, document, text, { timeoutMs = 60_000 } = {}) {
  const vectors = [];
  for (const node of nodes) {
    await until(
      `${node.name}'s text is the expected one`,
      async () => (await node.text(workspace, document)) === text,
      { timeoutMs, everyMs: 250 },
    );
    vectors.push(await node.stateVector(workspace, document));
  }
  check(new Set(vectors).size === 1, `equal state vectors, not ${vectors.join(", ")}`);
  return vectors[0];
}
