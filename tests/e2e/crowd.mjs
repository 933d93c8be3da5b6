// Many people at all three nodes edit one document at once, in every way that stock Yjs has: text with
// formats and embedded objects, maps, arrays, XML, nested types, binary. They lose their connections,
// and nodes are restarted meanwhile. In the end everybody holds the same document, newcomers too.
//
//   node crowd.mjs [--clients N] [--edits N]

import * as Y from "yjs";

import { contentOf, editAnything, rootsOf } from "./lib/any_edit.mjs";
import { canonicalStateVector, Client } from "./lib/client.mjs";
import { formTeam, linked, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";

const document = "crowd/everything";
const number = { type: "string", number: true };

await scenario({ clients: number, edits: number }, async (context) => {
  needBinary();
  const { args, random } = context;
  const edits = args.edits ?? 3000;
  const nodes = ["red", "green", "blue"].map((color) => new Node(context, color));
  await formTeam(nodes);
  const join = (i) => new Client(context, nodes[i % nodes.length].bridge, "demo", document, { saved: true });
  process.setMaxListeners(0); // Each provider listens for the end of the process.
  const clients = Array.from({ length: args.clients ?? 9 }, (_, i) => join(i));
  await Promise.all(clients.map((client) => client.synced()));

  const restarts = new Set(random.moments(3, edits * 0.2, edits * 0.8));
  const started = performance.now();
  for (let i = 0; i < edits; ++i) {
    const { doc, provider } = clients[random.below(clients.length)];
    editAnything(doc, random);
    // Away for a while: what follows is written concurrently.
    if (random.next() < 0.01) provider.disconnect();
    if (random.next() < 0.03) clients.forEach((client) => client.provider.connect());
    if (restarts.has(i)) {
      const node = nodes[random.below(nodes.length)];
      await (random.next() < 0.5 ? node.stop() : node.kill9());
      await node.start();
    }
    if (i % 8 === 0) await sleep(random.below(10));
  }
  for (const client of clients) client.provider.connect();
  for (const client of clients) await client.allSaved();
  await linked(nodes);
  const newcomers = nodes.map((_, i) => join(i));
  const everybody = [...clients, ...newcomers];
  await Promise.all(newcomers.map((client) => client.synced()));
  await until(
    "everybody holds the same document",
    () => new Set(everybody.map(({ doc }) => contentOf(doc))).size === 1,
    { timeoutMs: 60_000, everyMs: 500 },
  );
  const seconds = (performance.now() - started) / 1000;

  const vectors = everybody.map(({ doc }) => canonicalStateVector(Y.encodeStateVector(doc)));
  for (const node of nodes) vectors.push(canonicalStateVector(Buffer.from(await node.stateVector("demo", document), "hex")));
  check(new Set(vectors).size === 1, "equal state vectors of all clients and nodes");
  for (const { doc } of everybody) check(doc.store.pendingStructs === null, "nothing to be missing at any client");
  const { text, map, array, xml } = rootsOf(clients[0].doc);
  context.log(`${clients.length} people at 3 nodes made ${edits} edits; all of them and 3 newcomers hold the same`);
  context.figure("in", `${seconds.toFixed(1)} s`);
  context.figure("text, map, array, XML", `${text.length}, ${map.size}, ${array.length}, ${xml.length}`);
  for (const node of nodes) node.reportUsage();
  for (const client of everybody) client.close();
  for (const node of nodes) await node.stop();
});
