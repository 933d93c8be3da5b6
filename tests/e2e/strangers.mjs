// Outsiders at a node's mesh port, while its members go on working:
//
//   flood by outsider        connects as fast as it can, from one address and from many
//   slow-loris handshakes    holds as many places as it can for as long as it can, from one and from many
//   oversized frames         begins frames of a member's size, before having proved anything
//
// (Oversized frames of members: tests/e2e/modified_node.mjs and tests/transport/zmq_hostile_test.cpp.)
// During each, two members type to each other through the attacked node's link, a member that was
// away comes back by dialling it, and nothing typed is lost. Memory is bounded; times are reported.
//
//   node strangers.mjs [--seconds S]      of each attack

import { fork } from "node:child_process";

import { Client } from "./lib/client.mjs";
import { keystrokes, quantiles } from "./lib/keys.mjs";
import { converged, formTeam, linked, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, sleep } from "./lib/scenario.mjs";

const memoryMax = 256 * 2 ** 20;
const attacks = [
  { name: "nobody", atOnce: 0 },
  { name: "flood by outsider, one address", way: "flood", addresses: 1, atOnce: 64 },
  { name: "flood by outsider, 500 addresses", way: "flood", addresses: 500, atOnce: 256 },
  { name: "slow-loris handshakes, one address", way: "loris", addresses: 1, atOnce: 500 },
  { name: "slow-loris handshakes, 500 addresses", way: "loris", addresses: 500, atOnce: 2000 },
  { name: "oversized frames, one address", way: "oversized", addresses: 1, atOnce: 64 },
  { name: "oversized frames, 500 addresses", way: "oversized", addresses: 500, atOnce: 500 },
];

await scenario({ seconds: { type: "string", number: true } }, async (context) => {
  needBinary();
  const seconds = context.args.seconds ?? 5;
  const [red, green, blue] = ["red", "green", "blue"].map((name) => new Node(context, name));
  await formTeam([red, green, blue]);
  const typist = new Client(context, green.bridge, "demo", "notes.md", { saved: true });
  await typist.synced();

  for (const { name, ...attack } of attacks) {
    const before = red.usage().cpuSeconds;
    await blue.stop();
    const stranger = fork(new URL("./lib/stranger.mjs", import.meta.url).pathname);
    context.defer(() => stranger.kill("SIGKILL"));
    stranger.send({ port: red.meshPort, way: "flood", addresses: 1, ...attack });
    await sleep(1000); // The attack is under way.

    const started = performance.now();
    await blue.start();
    await linked([red, green, blue]);
    const back = performance.now() - started;
    const times = await keystrokes(context, green, red, seconds);
    await typist.type([[typist.text.length, 0, `${name} `]]);
    await typist.allSaved();
    await converged([red, green, blue], "demo", "notes.md", typist.text.toString());

    const counts = await new Promise((resolve) => {
      stranger.once("message", resolve);
      stranger.send("stop");
    });
    const lasted = (performance.now() - started) / 1000 + 1;
    const { cpuSeconds, peakBytes } = red.usage();
    check(peakBytes < memoryMax, `red's memory to stay below ${memoryMax / 2 ** 20} MiB, not ${peakBytes / 2 ** 20}`);
    const { median, p99 } = quantiles(times);
    context.log(`${name}:`);
    context.figure("connections a second", (counts.opened / lasted).toFixed(0));
    context.figure("a member's start until linked", `${back.toFixed(0)} ms`);
    context.figure("keystroke to the attacked node", `median ${median.toFixed(1)}  p99 ${p99.toFixed(1)} ms`);
    context.figure("red: cores; peak memory", `${((cpuSeconds - before) / lasted).toFixed(2)}; ${(peakBytes / 2 ** 20).toFixed(0)} MiB`);
  }
  for (const node of [red, green, blue]) await node.stop();
});
