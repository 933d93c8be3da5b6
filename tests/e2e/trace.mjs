// A stock client types a whole recorded editing session into red while another watches at green:
// all three nodes end with its text, under equal state vectors. Prints what it cost.
//
//   node trace.mjs [--edits N] [--rate EDITS_PER_SECOND]

import * as Y from "yjs";

import { canonicalStateVector, Client, Watcher } from "./lib/client.mjs";
import { converged, formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario } from "./lib/scenario.mjs";
import { loadTrace } from "./lib/trace.mjs";

const document = "papers/trace.tex";
const options = { edits: { type: "string", number: true }, rate: { type: "string", number: true } };

await scenario(options, async (context) => {
  needBinary();
  const { edits, text, name } = loadTrace(context, context.args.edits);
  const nodes = ["red", "green", "blue"].map((color) => new Node(context, color));
  const [red, green] = nodes;
  await formTeam(nodes);

  const watcher = new Watcher(context, green, "demo", document);
  const typist = new Client(context, red.bridge, "demo", document, { saved: true });
  await typist.synced();

  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  await typist.type(edits, { editsPerSecond: context.args.rate });
  const typed = seconds();
  await typist.allSaved();
  const saved = seconds();
  await watcher.shows(text);
  const shown = seconds();
  const vector = await converged(nodes, "demo", document, text);
  const all = seconds();
  check(
    canonicalStateVector(Buffer.from(vector, "hex")) === canonicalStateVector(Y.encodeStateVector(typist.doc)),
    "the nodes' state vector to be the typist's",
  );

  context.log(`${edits.length} edits (${name}), ${text.length} characters; 3 nodes, equal texts and state vectors`);
  context.figure("typed by the stock client in", `${typed.toFixed(2)} s`);
  context.figure("all reported saved after", `${saved.toFixed(2)} s`);
  context.figure("shown to the watcher at green after", `${shown.toFixed(2)} s`);
  context.figure("equal on all three nodes after", `${all.toFixed(2)} s`);
  context.figure("edits per second, typed to shown", Math.round(edits.length / shown));
  for (const node of nodes) node.reportUsage();
  for (const node of nodes) await node.stop();
});
