// Members whose networks do not know of each other, and a VPN (a point-to-point interface, as those of
// WireGuard and Tailscale): it comes up while they run, and they are linked over it, by IPv4 alone and
// by IPv6 alone, without being told anything.
//
//   node vpn.mjs [--seed S]

import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { formTeam, linked, needBinary, Node, peersOf } from "./lib/nodes.mjs";
import { root, scenario, Skipped, until } from "./lib/scenario.mjs";

// Of the ranges that Tailscale gives its machines.
const addresses = { green: ["100.64.7.1", "fd7a:115c:a1e0::1"], blue: ["100.64.7.2", "fd7a:115c:a1e0::2"] };

const privateNetwork = enterPrivateNetwork();

await scenario({}, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make network namespaces");
  if (!existsSync("/dev/net/tun")) throw new Skipped("this system has no /dev/net/tun");
  const network = new Network();
  const names = Object.keys(addresses);
  const hosts = names.map((name) => network.host(name));
  const nodes = hosts.map(({ name, prefix }) => new Node(context, name, { listen: "*", prefix }));
  const [green, blue] = nodes;
  for (const node of nodes) node.runArguments = ["--no-lan"]; // Most VPNs carry no multicast.
  const others = [[green, "blue"], [blue, "green"]]; // prettier-ignore
  const ip = (name, ...args) => execFileSync("ip", ["-n", name, ...args]);

  /** Each has heard where the other is on the VPN: 0 by IPv4, 1 by IPv6. */
  const told = async (index) => {
    for (const [node, other] of others) {
      const host = index === 1 ? `[${addresses[other][1]}]` : addresses[other][0];
      await until(`${node.name} is told that ${other} is at ${host}`, async () => {
        const { members } = await node.json("members", "demo");
        return members.find((one) => one.name === other).addresses.some((one) => one.includes(`//${host}:`));
      });
    }
  };
  const unlinked = () =>
    until("they are not linked", async () => (await peersOf(green)).every((peer) => !peer.linked));

  await formTeam(nodes);
  const tunnel = spawn("python3", [path.join(root, "tests/e2e/lib/tunnel.py"), ...names], { stdio: ["ignore", "pipe", "inherit"] });
  context.defer(() => tunnel.kill());
  await new Promise((resolve, reject) => {
    tunnel.stdout.once("data", resolve);
    tunnel.once("exit", () => reject(new Error("there is no tunnel")));
  });

  context.log("the VPN comes up: its addresses are told");
  for (const name of names) {
    ip(name, "link", "set", "vpn0", "up");
    ip(name, "addr", "add", `${addresses[name][0]}/32`, "dev", "vpn0");
    ip(name, "route", "add", "100.64.0.0/10", "dev", "vpn0");
  }
  await told(0);

  context.log("the networks are parted: only the VPN is left, by IPv4");
  for (const name of names) ip(name, "link", "set", "eth0", "down");
  await linked(nodes);
  for (const node of nodes) await node.stop();
  for (const node of nodes) await node.start();
  await linked(nodes);

  context.log("by IPv6");
  for (const name of names) {
    ip(name, "addr", "add", `${addresses[name][1]}/128`, "dev", "vpn0", "nodad");
    ip(name, "route", "add", "fd7a:115c:a1e0::/48", "dev", "vpn0");
  }
  await told(1);
  for (const name of names) ip(name, "-4", "addr", "flush", "dev", "vpn0");
  await linked(nodes);
  for (const node of nodes) await node.stop();
  for (const node of nodes) await node.start();
  await linked(nodes);

  context.log("the VPN goes down, and comes up again");
  for (const name of names) ip(name, "link", "set", "vpn0", "down");
  await unlinked();
  for (const name of names) {
    ip(name, "link", "set", "vpn0", "up");
    ip(name, "addr", "replace", `${addresses[name][1]}/128`, "dev", "vpn0", "nodad");
    ip(name, "route", "replace", "fd7a:115c:a1e0::/48", "dev", "vpn0");
  }
  await linked(nodes);
});
