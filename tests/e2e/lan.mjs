// Members on one local network who know no address of each other: each tells others one where nobody
// is, and whoever let them in is gone. They find each other by beacons, by IPv4 alone and by IPv6
// alone, not when told to stay silent, and when one of them gets another address.
//
//   node lan.mjs [--seed S] [--rounds N]

import { execFileSync } from "node:child_process";

import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { formTeam, needBinary, Node, peersOf } from "./lib/nodes.mjs";
import { check, scenario, Skipped, sleep, until } from "./lib/scenario.mjs";

const nowhere = ["--advertise", "tcp://192.0.2.1:9"];
const silenceMs = 3000;

const privateNetwork = enterPrivateNetwork();

await scenario({ rounds: { type: "string", number: true } }, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make network namespaces");
  const rounds = context.args.rounds ?? 5;
  const network = new Network();
  const hosts = Object.fromEntries(["red", "green", "blue"].map((name) => [name, network.host(name)]));
  const on = (name, ...command) => execFileSync(hosts[name].prefix[0], [...hosts[name].prefix.slice(1), ...command]);
  const nodes = Object.keys(hosts).map((name) => new Node(context, name, { listen: "*", prefix: hosts[name].prefix }));
  const [, green, blue] = nodes; // Red let them in, and is gone.
  const pair = [green, blue];

  await formTeam(nodes);
  for (const node of nodes) await node.stop();

  const meet = async () => {
    for (const node of pair) await node.start();
    const started = performance.now();
    await until("green and blue are linked", async () => (await linkedPeers(green)) === 1, { everyMs: 20 });
    return performance.now() - started;
  };
  const part = async () => {
    for (const node of pair) await node.stop();
  };

  /** What they say of themselves from here on is wrong, and each learns it from the other. */
  const mislead = async (...more) => {
    for (const node of pair) node.runArguments = [...nowhere, ...more];
    await meet();
    for (const [node, other] of [pair, [blue, green]]) {
      await until(`${node.name} is told that ${other.name} is nowhere`, async () => {
        const { members } = await node.json("members", "demo");
        return String(members.find((one) => one.name === other.name).addresses) === nowhere[1];
      });
    }
    await part();
  };

  await mislead();
  context.log("by IPv4 alone");
  for (const name of ["green", "blue"]) on(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1");
  for (let round = 0; round < rounds; round++) {
    const took = await meet();
    context.figure(`IPv4, ${round}: from ready to linked`, `${took.toFixed(0)} ms`);
    await part();
  }

  context.log("not when told to stay silent");
  for (const node of pair) node.runArguments = [...nowhere, "--no-lan"];
  for (const node of pair) await node.start();
  await sleep(silenceMs); // That nothing happens cannot be waited for.
  check((await linkedPeers(green)) === 0, "nobody to be found");
  await part();
  for (const node of pair) node.runArguments = nowhere;

  context.log("by IPv6 alone");
  for (const name of ["green", "blue"]) {
    on(name, "ip", "-4", "addr", "flush", "dev", "eth0");
    on(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0");
    on(name, "ip", "link", "set", "eth0", "down");
    on(name, "ip", "link", "set", "eth0", "up");
    await until(`${name} has a link-local address`, () =>
      /fe80/.test(on(name, "ip", "-6", "addr", "show", "dev", "eth0", "-tentative").toString()));
  }
  for (let round = 0; round < rounds; round++) {
    const took = await meet();
    context.figure(`IPv6, ${round}: from ready to linked`, `${took.toFixed(0)} ms`);
    if (round < rounds - 1) await part();
  }

  context.log("where one of them gets an address, and then another");
  await part();
  for (const node of pair) node.runArguments = [];
  await green.start();
  await blue.start();
  await until("green and blue are linked", async () => (await linkedPeers(green)) === 1);
  for (const address of ["10.77.0.100", "10.77.0.101"]) {
    on("blue", "ip", "-4", "addr", "flush", "dev", "eth0");
    on("blue", "ip", "addr", "add", `${address}/24`, "dev", "eth0");
    await until(`green knows that blue is at ${address}`, async () => {
      const { members } = await green.json("members", "demo");
      return members.find((one) => one.name === "blue").addresses.some((one) => one.includes(`//${address}:`));
    });
    await until("green and blue are linked", async () => (await linkedPeers(green)) === 1);
  }

  context.log("and where somebody says where the other is");
  await part();
  on("green", "ip", "addr", "add", "10.77.0.99/24", "dev", "eth0");
  await mislead("--no-lan");
  green.runArguments.push("--peer", `blue@tcp://10.77.0.101:${blue.meshPort}`);
  await meet();
  await part();
  green.runArguments = blue.runArguments; // It is remembered.
  await meet();
});

async function linkedPeers(node) {
  return (await peersOf(node)).filter((peer) => peer.linked).length;
}
