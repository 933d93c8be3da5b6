// The recorded session again, while nodes die and the network fails: blue is killed with -9 three
// times at random moments and green is cut off in the middle. With --kill-red, red, which the typist
// writes to, is killed as well, and after each kill everything it had reported saved must be there.
//
//   node faults.mjs [--edits N] [--seed S] [--cut SECONDS] [--kill-red TIMES] [--seconds S]

import * as Y from "yjs";

import { canonicalStateVector, Client, holds, Watcher } from "./lib/client.mjs";
import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { converged, formTeam, linked, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, Skipped, sleep } from "./lib/scenario.mjs";
import { loadTrace } from "./lib/trace.mjs";

const document = "papers/trace.tex";
const number = { type: "string", number: true };
const options = { edits: number, cut: number, "kill-red": number, seconds: number };
const killsOfBlue = 3;

const privateNetwork = enterPrivateNetwork();

await scenario(options, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make network namespaces");
  const { args, random } = context;
  const { edits, text, name } = loadTrace(context, args.edits);
  const cutMs = (args.cut ?? 10) * 1000;
  const seconds = args.seconds ?? 30;

  const network = new Network();
  const red = new Node(context, "red", { listen: network.home });
  const [green, blue] = ["green", "blue"].map((color) => {
    const { address, prefix } = network.host(color);
    return new Node(context, color, { listen: address, prefix });
  });
  const nodes = [red, green, blue];
  await formTeam(nodes);
  const watcher = new Watcher(context, green, "demo", document);
  const typist = new Client(context, red.bridge, "demo", document, { saved: true });
  await typist.synced();

  // Each fault runs beside the typing; a failure in one ends the scenario.
  const faults = [];
  let failure;
  const begin = (fault) => faults.push(fault().catch((error) => (failure ??= error)));
  const at = new Map();
  const plan = (edit, fault) => at.set(edit, [...(at.get(edit) ?? []), fault]);
  const share = (part) => Math.floor(edits.length * part);

  let blueFree = Promise.resolve(); // A kill waits for the restart after the one before.
  for (const edit of random.moments(killsOfBlue, share(0.05), share(0.95))) {
    const downMs = random.below(1500);
    plan(edit, () => (blueFree = blueFree.then(() => killAndRestart(context, blue, edit, downMs))));
  }
  plan(share(0.4), async () => {
    context.log(`  edit ${share(0.4)}: green is cut off for ${cutMs / 1000} s`);
    network.cut("green");
    await sleep(cutMs);
    network.heal("green");
    context.log("  green is back");
  });
  const redKills = new Set(random.moments(args["kill-red"] ?? 0, share(0.1), share(0.9)));

  const started = performance.now();
  await typist.type(edits, {
    // Slow enough that the faults happen while it types.
    editsPerSecond: edits.length / seconds,
    onEdit: (i) => {
      if (failure) throw failure;
      for (const fault of at.get(i) ?? []) begin(fault);
      return redKills.has(i) ? killRed(context, network, red, typist, i) : undefined;
    },
  });
  await typist.allSaved();
  await Promise.all(faults);
  if (failure) throw failure;
  const typed = (performance.now() - started) / 1000;
  await linked(nodes);
  await watcher.shows(text);
  const vector = await converged(nodes, "demo", document, text);
  const all = (performance.now() - started) / 1000;
  check(
    canonicalStateVector(Buffer.from(vector, "hex")) === canonicalStateVector(Y.encodeStateVector(typist.doc)),
    "the nodes' state vector to be the typist's",
  );
  check(blue.starts === 1 + killsOfBlue, `${killsOfBlue} kills of blue`);

  context.log(`${edits.length} edits (${name}); 3 nodes, equal texts and state vectors, nothing saved was lost`);
  context.figure("typed and reported saved in", `${typed.toFixed(2)} s`);
  context.figure("equal on all three nodes after", `${all.toFixed(2)} s`);
  for (const node of nodes) node.reportUsage();
  for (const node of nodes) await node.stop();
});

async function killAndRestart(context, node, edit, downMs) {
  context.log(`  edit ${edit}: ${node.name} is killed with -9, and started again after ${downMs} ms`);
  await node.kill9();
  await sleep(downMs);
  await node.start();
}

/** Kills red and looks, with a client that knows nothing, for what red had reported saved. */
async function killRed(context, network, red, typist, edit) {
  await red.kill9();
  // Neither the typist nor the other nodes may bring back what red lost before it was looked for.
  typist.provider.disconnect();
  for (const name of ["green", "blue"]) network.cut(name);
  const promised = typist.savedEdits;
  await red.start();
  const stranger = new Client(context, red.bridge, "demo", document);
  await stranger.synced();
  check(holds(stranger.doc, typist.savedDocument()), `all ${promised} saved edits to survive kill -9 of red`);
  const text = stranger.text.length;
  stranger.close();
  for (const name of ["green", "blue"]) network.heal(name);
  context.log(`  edit ${edit}: red was killed with -9; all ${promised} edits reported saved are there (${text} characters)`);
  typist.provider.connect();
}
