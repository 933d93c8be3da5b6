// One member floods: what the others feel of it. A modified node writes valid entries, each a frame of
// its own, to one of two nodes whose people type to each other.
//
//   node flood.mjs [--rate N] [--seconds S] [--runs N]
//
// Keystrokes are measured as in latency.mjs, before and during. Reported besides: memory, what the
// flooded node and the one behind it took in, and what they tell their operators.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

import { keystrokes, quantiles } from "../../tests/e2e/lib/keys.mjs";
import { formTeam, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { root, scenario, sleep } from "../../tests/e2e/lib/scenario.mjs";

const number = { type: "string", number: true };
const tool = process.env.COTERIE_MODIFIED_NODE ?? path.join(root, "build/release/bin/modified_node");
const show = ({ median, p99 }) => `median ${median.toFixed(2)}  p99 ${p99.toFixed(2)} ms`;

await scenario({ rate: number, seconds: number, runs: number }, async (context) => {
  needBinary();
  const { rate = 10_000, seconds = 5, runs = 5 } = context.args;
  for (let run = 0; run < runs; ++run) {
    // Another team each time: who flooded is not linked with for a while.
    const [red, green, evil] = ["red", "green", "evil"].map((name) => new Node(context, `${name}${run}`));
    const honest = [red, green];
    await formTeam([red, green, evil]);
    await evil.stop();
    const [{ id: workspace }] = (await red.call("status")).workspaces;
    const { members } = await red.json("members", "demo");
    const target = members.find((member) => member.name === red.name).device;
    const entries = async () => (await Promise.all(honest.map((node) => node.call("status")))).map((one) => one.workspaces[0].entries);
    const said = () => honest.map((node) => readFileSync(node.logFile, "utf8").split("\n").length);
    await sleep(1000);
    const quiet = await keystrokes(context, green, red, seconds);
    const [held, lines] = [await entries(), said()];
    const flood = spawn(tool, [evil.data, workspace, target, red.mesh, "--flood", String(seconds + 1), "--rate", String(rate)]);
    context.defer(() => flood.kill("SIGKILL"));
    let output = "";
    flood.stdout.on("data", (data) => (output += data));
    const ended = new Promise((resolve) => flood.once("exit", resolve));
    while (!output.includes("flooding") && flood.exitCode === null) await sleep(20);
    const before = honest.map((node) => node.weight().cpuSeconds);
    const busy = await keystrokes(context, green, red, seconds);
    const cores = honest.map((node, i) => ((node.weight().cpuSeconds - before[i]) / seconds).toFixed(2));
    await ended;
    const now = await entries();
    const { frames, links } = JSON.parse(output.trim().split("\n").at(-1));
    context.figure("before", show(quantiles(quiet)));
    context.figure("during", show(quantiles(busy)));
    context.figure("frames sent; over so many links", `${frames}; ${links}`);
    context.figure("taken in by red, green", now.map((one, i) => one - held[i]).join(", "));
    context.figure("cores; peak memory", `${cores}; ${honest.map((node) => (node.usage().peakBytes / 2 ** 20).toFixed(0))} MiB`);
    context.figure("lines told to operators", said().map((one, i) => one - lines[i]).join(", "));
    for (const node of honest) {
      context.log(node.lastLog(5));
      await node.stop();
    }
  }
});
