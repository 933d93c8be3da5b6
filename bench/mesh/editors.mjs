// How long keystrokes take from bridge to bridge while many people edit one document at two nodes.
//
//   node editors.mjs [--editors N] [--seconds S] [--runs N] [--per-second N]
//
// Each editor presses a key `per-second` times a second at random moments; half of them are at each
// node. From the moment an editor's client hands a key to its WebSocket to the moment a client at
// the other node is handed it: WebSockets, coalescing, commit, link, check and commit. Editors and
// readers are processes of their own, so that the reader's times are not the editors' queue.

import { forked } from "../../tests/e2e/lib/forked.mjs";
import { Eyes, Keys, monotonic, quantiles } from "../../tests/e2e/lib/keys.mjs";
import { formTeam, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { scenario, sleep } from "../../tests/e2e/lib/scenario.mjs";
import { randomFrom } from "../../tests/e2e/lib/random.mjs";

const number = { type: "string", number: true };
const document = "editors/one";

if (process.send) {
  process.once("message", (order) => void (order.editors ? edit(order) : read(order)));
} else {
  await scenario({ editors: number, seconds: number, runs: number, "per-second": number }, measure);
}

async function edit({ bridge, editors, perSecond, seed }) {
  const random = randomFrom(seed);
  const keys = [];
  for (let i = 0; i < editors; ++i) keys.push(await Keys.open(bridge, "demo", document));
  const pressed = [];
  let going = true;
  const press = (one) => {
    if (!going) return;
    pressed.push([one.clientId, one.typed + 1, String(one.press())]);
    setTimeout(press, -Math.log(1 - random.next()) * (1000 / perSecond), one);
  };
  for (const one of keys) setTimeout(press, random.below(1000 / perSecond), one);
  process.send("ready");
  process.once("message", () => {
    going = false;
    process.send({ pressed, cpu: process.cpuUsage() });
  });
}

async function read({ bridge }) {
  const eyes = await Eyes.open(bridge, "demo", document);
  const seen = [];
  eyes.onKey = (client, key, at) => seen.push([client, key, String(at)]);
  process.send("ready");
  process.once("message", () => process.send({ seen, cpu: process.cpuUsage() }));
}

async function measure(context) {
  needBinary();
  const { editors = 50, seconds = 10, runs = 5 } = context.args;
  const perSecond = context.args["per-second"] ?? 5;
  const nodes = ["red", "green"].map((name) => new Node(context, name));
  await formTeam(nodes);
  for (let run = 0; run < runs; ++run) {
    const before = nodes.map((node) => node.usage().cpuSeconds);
    const readers = nodes.map((node) => forked(context, import.meta.url, { bridge: node.bridge }));
    const typists = nodes.map((node) =>
      forked(context, import.meta.url, { bridge: node.bridge, editors: editors / 2, perSecond, seed: context.random.below(2 ** 31) }),
    );
    await Promise.all([...readers, ...typists].map((one) => one.ready));
    await sleep(seconds * 1000);
    const typed = await Promise.all(typists.map((one) => one.ask("stop")));
    await sleep(1000);
    const read = await Promise.all(readers.map((one) => one.ask("stop")));
    const times = [];
    const local = [];
    let missing = 0;
    for (const [side, { pressed }] of typed.entries()) {
      const seen = read.map(({ seen }) => new Map(seen.map(([client, key, at]) => [`${client} ${key}`, BigInt(at)])));
      for (const [client, key, at] of pressed) {
        const there = seen[1 - side].get(`${client} ${key}`);
        if (there === undefined) missing += 1;
        else times.push(Number(there - BigInt(at)) / 1e6);
        const here = seen[side].get(`${client} ${key}`);
        if (here !== undefined) local.push(Number(here - BigInt(at)) / 1e6);
      }
    }
    const show = ({ median, p95, p99, max }) =>
      `median ${median.toFixed(2)}  p95 ${p95.toFixed(2)}  p99 ${p99.toFixed(2)}  max ${max.toFixed(2)} ms`;
    context.figure("keys a second", (times.length / seconds).toFixed(0));
    context.figure("other node", show(quantiles(times)));
    context.figure("same node", show(quantiles(local)));
    const cpu = (one) => ((one.cpu.user + one.cpu.system) / 1e6 / seconds).toFixed(2);
    const load = nodes.map((node, i) => ((node.usage().cpuSeconds - before[i]) / (seconds + 1)).toFixed(2));
    context.figure("cores: nodes, editors, readers", `${load}; ${typed.map(cpu)}; ${read.map(cpu)}; missing ${missing}`);
    for (const one of [...readers, ...typists]) one.child.kill();
  }
}
