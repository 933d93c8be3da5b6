// A network that can be cut.
//
// The scenario runs in a network namespace of its own (enterPrivateNetwork() starts it again in
// one), where it may make hosts, each again a namespace, behind a switch. Nothing of it is visible
// outside, and all of it is gone when the last process is.

import { execFileSync, spawnSync } from "node:child_process";

import { check } from "./scenario.mjs";

const entered = "COTERIE_E2E_PRIVATE_NETWORK";
const home = "10.77.0.1";

/** Users without root get their own by a user namespace, where the system lets them. */
const ways = [
  ["--net", "--mount"],
  ["--map-current-user", "--keep-caps", "--net", "--mount"],
];

/**
 * Call first in a script: returns true in the private network, after starting the script again in
 * it. Returns false where the system does not allow one.
 */
export function enterPrivateNetwork() {
  if (process.env[entered]) return true;
  const works = (way) => spawnSync("unshare", [...way, "ip", "link"], { stdio: "ignore" }).status === 0;
  const way = ways.find(works);
  if (!way) return false;
  const result = spawnSync("unshare", [...way, process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [entered]: "1" },
  });
  process.exit(result.status ?? 1);
}

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "inherit"] });

export class Network {
  #hosts = 1;
  #cuts = new Map(); // How many faults want the host cut off, by name.

  constructor() {
    check(process.env[entered], "to be in a private network");
    // Names of hosts are kept in /run/netns; ours hide the machine's and go with this process.
    execFileSync("mount", ["-t", "tmpfs", "coterie-e2e", "/run"]);
    ip("link", "set", "lo", "up");
    ip("link", "add", "switch", "type", "bridge");
    ip("addr", "add", `${home}/24`, "dev", "switch");
    ip("link", "set", "switch", "up");
  }

  /** Where the scenario's own processes are reached by the hosts. */
  get home() {
    return home;
  }

  /** The scenario's own, as host() gives others. */
  get own() {
    return { name: null, address: home, prefix: [] };
  }

  /** A new host: {name, address, prefix}, where `prefix` makes a command run on it. */
  host(name) {
    const address = `10.77.0.${++this.#hosts}`;
    ip("netns", "add", name);
    ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("link", "set", name, "master", "switch", "up");
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "addr", "add", `${address}/24`, "dev", "eth0");
    ip("-n", name, "link", "set", "eth0", "up");
    return { name, address, prefix: ["ip", "netns", "exec", name] };
  }

  /** The two hosts, or the host and the scenario's own, never reach each other; others do. */
  part(a, b) {
    const block = (name, address) =>
      ip(...(name === null ? [] : ["-n", name]), "route", "add", "blackhole", `${address}/32`);
    block(a.name, b.address);
    block(b.name, a.address);
  }

  /** Nothing passes to or from the host from now on; open connections are not told. */
  cut(name) {
    const cuts = this.#cuts.get(name) ?? 0;
    this.#cuts.set(name, cuts + 1);
    if (cuts === 0) ip("link", "set", name, "down");
  }

  /** Undoes one cut(). */
  heal(name) {
    const cuts = this.#cuts.get(name) - 1;
    this.#cuts.set(name, cuts);
    if (cuts === 0) ip("link", "set", name, "up");
  }
}
