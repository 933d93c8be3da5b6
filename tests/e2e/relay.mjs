// Two people who reach nobody but a relay: they meet through it although they are never online
// together, and type together live when they are; and the relay can read none of it, on its disk or
// in its memory. It is stopped, killed and filled to its quota meanwhile.

import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { filesBelow, found } from "./lib/capture.mjs";
import { Client, Watcher } from "./lib/client.mjs";
import { searchMemory } from "./lib/memory.mjs";
import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { needBinary, Node, peersOf } from "./lib/nodes.mjs";
import { check, scenario, Skipped, until } from "./lib/scenario.mjs";

const document = "confidential/Quellenverzeichnis.md";
const left = "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich, whisperingly.";
const live = "Unmistakably typewritten, keystroke by keystroke.";
const person = "Wilhelmina Featherstonehaugh";
const secrets = [left, live, person, document, "Quellenverzeichnis", "Boxkämpfer", "Unmistakably", "Featherstonehaugh"];

const privateNetwork = enterPrivateNetwork();

await scenario({}, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make network namespaces");
  const network = new Network();
  const places = { host: network.host("host"), anna: network.own, bela: network.host("bela"), relay: network.host("relay") };
  const [host, anna, bela, relay] = Object.entries(places).map(
    ([name, { address, prefix }]) => new Node(context, name, { listen: address, prefix }),
  );
  network.part(places.anna, places.bela);
  const roomOfRelay = (quota) => ["relay", "--listen", relay.mesh, "--quota", quota];

  // A host makes the team. Anna and Bela are never there at the same time, and the host leaves.
  for (const node of [host, anna, bela, relay]) await node.init();
  await host.start();
  await host.cli("workspace", "create", "demo");
  const invite = async (role) => (await host.json("invite", "create", "demo", "--role", role)).invite;
  await relay.start([...roomOfRelay("1G"), await invite("relay")]);
  for (const node of [anna, bela]) {
    await node.start();
    await node.cli("join", await invite("editor"));
    await meets(node, relay);
    if (node === anna) await anna.stop();
  }
  await inStep(relay);
  await bela.stop();
  await host.stop();

  // Never online together.
  await anna.start();
  await meets(anna, relay);
  const writer = new Client(context, anna.bridge, "demo", document, { saved: true });
  await writer.synced();
  await writer.type([[0, 0, left]]);
  await writer.allSaved();
  writer.close();
  await anna.stop(); // When those who are linked have it.
  await bela.start();
  let from = performance.now();
  await until("Bela reads what Anna left", async () => (await bela.text("demo", document)) === left, { everyMs: 50 });
  context.figure("left by one, read by the other through the relay after", `${ms(from)} ms`);
  check((await peerOf(bela, anna)).linked === false, "Bela and Anna not to be linked");

  // Live: typing, cursors, and leaving.
  await anna.start();
  await until("Bela sees that the relay leads to Anna", async () => {
    const { linked, path: way, via } = await peerOf(bela, anna);
    return !linked && way === "relay" && via[0]?.name === "relay";
  });
  const typist = new Client(context, anna.bridge, "demo", document, { saved: true });
  await typist.synced();
  const watcher = new Watcher(context, bela, "demo", document);
  await watcher.shows(left);
  typist.provider.awareness.setLocalState({ user: { name: person } });
  from = performance.now();
  await until("Bela sees who is there", async () => (await watcher.people()).includes(person), { everyMs: 5 });
  context.figure("a cursor seen through the relay after", `${ms(from)} ms`);
  let text = left;
  const times = [];
  for (const character of live) {
    from = performance.now();
    await typist.type([[text.length, 0, character]]);
    text += character;
    await until("the keystroke arrives", async () => (await watcher.text()) === text, { everyMs: 1 });
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  context.figure(
    "a keystroke seen through the relay: median; longest",
    `${times[times.length >> 1].toFixed(1)}; ${times.at(-1).toFixed(1)} ms`,
  );
  check((await peerOf(bela, anna)).linked === false, "Bela and Anna not to be linked");

  // What the relay knows. The search is shown to find: in the memory of those who read.
  await inStep(relay);
  for (const node of [anna, bela]) {
    const { found: there } = searchMemory(node.pid, secrets);
    check(there.includes(document) && there.includes("Boxkämpfer"), `the search to find the text in ${node.name}'s memory, not ${there}`);
  }
  const memory = searchMemory(relay.pid, secrets);
  check(memory.found.length === 0, `nothing readable in the relay's memory, but there is ${JSON.stringify(memory.found)}`);
  context.figure("searched in the relay's memory", `${memory.bytes} bytes`);
  const planted = path.join(relay.data, "planted");
  await writeFile(planted, `to be found: ${left}`);
  check((await onDisk(relay)).found.includes(left), "the search to find what was put on the relay's disk");
  await rm(planted);

  // It is stopped, and killed, while they write.
  typist.provider.awareness.setLocalState(null);
  for (const end of ["SIGTERM", "SIGKILL"]) {
    const words = ` [before ${end}]`;
    await typist.type([[text.length, 0, words]]);
    await relay.stop({ signal: end });
    const more = ` [without the relay: ${end}]`;
    await typist.type([[text.length + words.length, 0, more]]);
    text += words + more;
    await typist.allSaved();
    await relay.start(roomOfRelay("1G"));
    await watcher.shows(text);
  }
  await inStep(relay);

  // Full: it says so and takes no more, and with more room it goes on.
  await relay.stop();
  const status = await relay.json("status");
  const used = status.workspaces[0].relay.used;
  check(used > 0, "a relay that holds something");
  await relay.start(roomOfRelay(String(used)));
  await meets(anna, relay);
  await typist.type([[text.length, 0, " [too much]"]]);
  text += " [too much]";
  await until("the relay says that it is full", async () => (await relay.json("status")).workspaces[0].relay.declined > 0);
  check(/quota/.test(relay.lastLog()), "a line about the quota in the log");
  check((await relay.cli("status")).includes("takes no more"), "a line about the quota in the status");
  await relay.stop();
  await relay.start(roomOfRelay("1G"));
  await watcher.shows(text);
  await inStep(relay);

  // Its directory is one like any other.
  const backup = path.join(context.directory, "backup");
  await relay.cli("backup", backup);
  await relay.stop();
  const { healthy, workspaces } = await relay.json("doctor");
  check(healthy && workspaces[0].findings.every(({ kind }) => kind === "note"), "a healthy directory");
  const disk = await onDisk(relay);
  check(disk.found.length === 0, `nothing readable on the relay's disk, but there is ${JSON.stringify(disk.found)}`);
  context.figure("searched on the relay's disk", `${disk.files} files, ${disk.bytes} bytes`);
  for (const node of [anna, bela, relay]) node.reportUsage();

  async function peerOf(node, other) {
    return (await peersOf(node)).find((peer) => peer.name === other.name);
  }
  async function meets(node, other) {
    await until(`${node.name} is linked to ${other.name}`, async () => (await peerOf(node, other))?.linked);
  }
  /** Until all that are linked to `node` hold what it holds. */
  async function inStep(node) {
    await until(`${node.name} is in step`, async () => {
      const linked = (await peersOf(node)).filter((peer) => peer.linked);
      return linked.length > 0 && linked.every((peer) => peer.in_step);
    });
  }
  async function onDisk(node) {
    const all = new Set();
    let bytes = 0;
    const files = [...(await filesBelow(node.data)), node.logFile];
    for (const one of files) {
      const data = await readFile(one);
      bytes += data.length;
      for (const text of found(data, secrets)) all.add(text);
    }
    return { found: Array.from(all), files: files.length, bytes };
  }
});

function ms(since) {
  return (performance.now() - since).toFixed(0);
}
