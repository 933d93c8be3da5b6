// A team of real nodes, each on a host of its own, on a network with delays of 10 to 50 ms, jitter,
// loss and reordering. All write; 30 % are killed with -9 at once; the network is cut in two; some
// hear but are not heard; one reads slowly; one is new. After each, everybody holds everything that
// was ever reported saved, and at the end the same document. Times are reported, not required.
//
//   node mesh_lab.mjs [--nodes N]

import { createHash } from "node:crypto";

import { canonicalStateVector } from "./lib/client.mjs";
import { allHold, formLab, inBatches, LabNetwork, LabNode, linkedEach } from "./lib/lab.mjs";
import { quantiles } from "./lib/keys.mjs";
import { enterPrivateNetwork } from "./lib/network.mjs";
import { needBinary } from "./lib/nodes.mjs";
import { check, scenario, Skipped, sleep, until } from "./lib/scenario.mjs";

const privateNetwork = enterPrivateNetwork();
const document = "lab/notes.md";
const killed = 0.3;
const cutMs = 6000;
const slowKbit = 256;
const largeBytes = 10_000;
/** Links that a node has in the end: to everybody, or about eight (PROTOCOL.md, "Overlay"). */
const linksMin = 6;

await scenario({ nodes: { type: "string", number: true } }, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make network namespaces");
  const { args, random } = context;
  process.setMaxListeners(0);
  const count = args.nodes ?? 20;
  const network = await LabNetwork.start(context, count + 1, args.seed);
  const nodes = Array.from({ length: count }, (_, host) => new LabNode(context, host));
  const enough = Math.min(linksMin, count - 1);
  const timed = async (what, work) => {
    const started = performance.now();
    const result = await work();
    context.figure(what, `${((performance.now() - started) / 1000).toFixed(2)} s`);
    return result;
  };
  const words = () => nodes.flatMap((node) => node.saved);
  const everybody = async (what, some = nodes) => {
    const ms = await allHold(what, some, document, words());
    context.figure(what, `${(ms / 1000).toFixed(2)} s after the last was saved`);
  };
  const allWrite = (some, padding) => inBatches(some, 32, (node) => node.write(document, padding));
  const someOf = (share, from = nodes) => {
    const shuffled = [...from];
    for (let i = shuffled.length - 1; i > 0; --i) {
      const j = random.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
    }
    return shuffled.slice(0, Math.round(share * from.length));
  };
  context.log(`${count} nodes`);
  const joined = await timed("made, joined and started", () => formLab(nodes, { links: enough }));
  const { median, max } = quantiles(joined);
  context.figure("of that, joining took each", `median ${(median / 1000).toFixed(1)}, most ${(max / 1000).toFixed(1)} s`);
  await network.tell("shape", "on");
  await timed("at least six links each", () => linkedEach(nodes, enough));

  const [writer] = nodes;
  await writer.write(document);
  await everybody("one word reaches everybody");
  await allWrite(nodes);
  await everybody("all write: everybody has all");

  // The first stays: others know its address by the invite alone.
  const victims = someOf(killed, nodes.slice(1));
  const survivors = nodes.filter((node) => !victims.includes(node));
  await Promise.all(victims.map((node) => node.kill9()));
  await writer.write(document);
  const reached = await allHold("survivors", survivors, document, words().filter((word) => word.startsWith("<0.")));
  context.figure("30 % killed: all survivors reached", `${(reached / 1000).toFixed(2)} s`);
  await allWrite(survivors);
  await everybody("and have all", survivors);
  await timed("killed nodes are back", () => inBatches(victims, 8, (node) => node.start()));
  await everybody("and everybody has all");

  const half = someOf(0.5);
  const rest = nodes.filter((node) => !half.includes(node));
  for (const node of half) await network.tell("group", node.host, 1);
  await sleep(cutMs); // Links end.
  const before = words();
  await allWrite(nodes);
  const sides = [half, rest].map((side) => side.map((node) => node.saved.at(-1)));
  for (const [i, side] of [half, rest].entries()) {
    const ms = await allHold(`side ${i + 1}`, side, document, [...before, ...sides[i]]);
    context.figure(`cut in two: side ${i + 1} has its own`, `${(ms / 1000).toFixed(2)} s`);
  }
  const crossed = await Promise.all(half.map((node) => node.holds(document, sides[1].slice(0, 1))));
  check(!crossed.includes(true), "nothing to cross the cut");
  for (const node of half) await network.tell("group", node.host, 0);
  await everybody("healed: everybody has all");

  // What they send reaches nobody of half the others.
  const unheard = someOf(0.1, nodes.slice(1));
  const deaf = someOf(0.5);
  const oneWay = async (how) => {
    for (const from of unheard) for (const to of deaf) if (from !== to) await network.tell(how, from.host, to.host);
  };
  await oneWay("drop");
  await allWrite(nodes);
  await everybody(`${unheard.length} are not heard by half: all have all`);
  await oneWay("pass");

  const slow = nodes.at(-1);
  const others = nodes.slice(0, -1);
  await network.tell("rate", slow.host, slowKbit);
  await allWrite(someOf(0.5, others), largeBytes);
  await everybody(`one reads at ${slowKbit} kbit/s: the others`, others);
  await everybody("and that one");
  await network.tell("rate", slow.host, 0);

  const fresh = new LabNode(context, count);
  await fresh.init();
  await fresh.start();
  await timed("a new node is a member", () => fresh.join(writer.invite));
  nodes.push(fresh);
  await everybody("and has all");
  await fresh.write(document);
  await everybody("and is heard by everybody");

  const states = new Set();
  await inBatches(nodes, 16, async (node) => {
    const where = { workspace: "demo", path: document };
    const { state_vector } = await node.call("doc.state", where);
    const { text } = await node.call("doc.text", { ...where, root: "monaco" });
    const vector = canonicalStateVector(Buffer.from(state_vector, "hex"));
    states.add(createHash("sha256").update(`${vector} ${text}`).digest("hex"));
  });
  check(states.size === 1, `one document, not ${states.size}`);
  context.log(`${words().length} words saved, all of them at all ${nodes.length} nodes; the same text everywhere`);

  await timed("at least six links each again", () => linkedEach(nodes, enough));
  const start = nodes.map((node) => node.weight());
  const wire = await network.stats();
  await sleep(5000);
  const end = nodes.map((node) => node.weight());
  const rested = await network.stats();
  const show = (values, digits, unit) => {
    const { median, max } = quantiles(values);
    return `median ${median.toFixed(digits)}, most ${max.toFixed(digits)} ${unit}`;
  };
  context.figure("memory (PSS)", show(end.map(({ pss }) => pss / 2 ** 20), 1, "MiB"));
  context.figure("memory of all", `${(end.reduce((sum, { pss }) => sum + pss, 0) / 2 ** 20).toFixed(0)} MiB`);
  context.figure("threads, sockets", `${end[0].threads}, ${show(end.map(({ sockets }) => sockets), 0, "")}`);
  context.figure("CPU at rest", show(end.map((one, i) => (one.cpuSeconds - start[i].cpuSeconds) * 20), 2, "% of a core"));
  context.figure("links", show(await Promise.all(nodes.map((node) => node.links())), 0, ""));
  context.figure("on the wire at rest, a node a minute", `${(((rested.bytes - wire.bytes) / nodes.length) * 12 / 1000).toFixed(0)} kB`);
  context.figure("on the wire in all", JSON.stringify(rested));
  await inBatches(nodes, 32, (node) => node.stop());
});
