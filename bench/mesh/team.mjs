// What a team costs at rest, and how fast its members find and lose one another. Real processes on
// loopback, each linked to all others.
//
//   node team.mjs [--nodes N] [--seconds S] [--runs N]
//
//   start    from spawning the process to links with all others, the process' own start included
//   leave    from SIGTERM to the moment when no other shows it as linked
//   crash    the same for kill -9 (the system ends its connections), and for a process that stops
//            answering while its connections stand (SIGSTOP; as a machine that loses its power)
//   rest     CPU, bytes in both directions as the mesh counts them, memory
//
// Links are looked at over the control sockets every 5 ms or so, which adds that much.

import { quantiles } from "../../tests/e2e/lib/keys.mjs";
import { inBatches } from "../../tests/e2e/lib/lab.mjs";
import { formTeam, linked, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { scenario, sleep, until } from "../../tests/e2e/lib/scenario.mjs";

const number = { type: "string", number: true };
const workspace = "demo";
const sum = (list) => list.reduce((a, b) => a + b, 0);
const show = (times, unit = "ms", digits = 0) => {
  const { median, p95, max, count } = quantiles(times);
  const [a, b, c] = [median, p95, max].map((one) => one.toFixed(digits));
  return `median ${a}  p95 ${b}  max ${c} ${unit}  (${count})`;
};
const peers = async (node) => (await node.call("peers", { workspace })).peers;

await scenario({ nodes: number, seconds: number, runs: number }, async (context) => {
  needBinary();
  const { nodes: count = 20, seconds = 30, runs = 5 } = context.args;
  const nodes = Array.from({ length: count }, (_, i) => new Node(context, `node${i}`));
  await formTeam(nodes);
  const fast = { everyMs: 5 };
  const noticed = async (gone, end) => {
    const started = performance.now();
    await end();
    const others = nodes.filter((node) => node !== gone);
    await until(
      `nobody is linked to ${gone.name}`,
      async () => {
        for (const node of others) if ((await peers(node)).some((peer) => peer.name === gone.name && peer.linked)) return false;
        return true;
      },
      fast,
    );
    return performance.now() - started;
  };

  const rest = async () => ({
    at: performance.now(),
    weights: nodes.map((node) => node.weight()),
    bytes: await Promise.all(nodes.map(async (node) => sum((await peers(node)).map((one) => one.bytes_in + one.bytes_out)))),
  });
  await sleep(2000);
  const before = await rest();
  await sleep(seconds * 1000);
  const after = await rest();
  const minutes = (after.at - before.at) / 60_000;
  const cpu = after.weights.map((one, i) => (one.cpuSeconds - before.weights[i].cpuSeconds) / minutes);
  context.figure("rest: CPU a minute", show(cpu, "s", 3));
  context.figure("rest: sent and received a minute", show(after.bytes.map((one, i) => (one - before.bytes[i]) / minutes / 1000), "kB", 1));
  context.figure("rest: memory (PSS)", show(after.weights.map((one) => one.pss / 2 ** 20), "MiB", 1));

  const start = [];
  const leave = [];
  const crash = [];
  const silent = [];
  for (let run = 0; run < runs; ++run) {
    for (const node of nodes.slice(1, 6)) {
      leave.push(await noticed(node, () => node.stop()));
      start.push(await begin(node));
      crash.push(await noticed(node, () => node.kill9()));
      start.push(await begin(node));
    }
    const frozen = nodes.at(-1);
    silent.push(await noticed(frozen, () => process.kill(frozen.pid, "SIGSTOP")));
    process.kill(frozen.pid, "SIGCONT");
    await linked(nodes);
  }
  async function begin(node) {
    const started = performance.now();
    await node.start();
    await until(
      `${node.name} is linked to all`,
      async () => (await peers(node)).filter((peer) => peer.linked).length === count - 1,
      fast,
    );
    return performance.now() - started;
  }
  context.figure("start until linked to all", show(start));
  context.figure("leave noticed by all", show(leave));
  context.figure("kill -9 noticed by all", show(crash));
  context.figure("silence noticed by all", show(silent));
  await inBatches(nodes, 8, (node) => node.stop());
});
