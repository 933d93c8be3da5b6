// Nobody on the network, and nobody with the disk, reads what was typed: captures the loopback
// traffic between the nodes while two people type, and searches it and every file of the nodes for
// the text, the document's name and the people's names, in UTF-8 and UTF-16.

import { readFile } from "node:fs/promises";

import { capture, filesBelow, found } from "./lib/capture.mjs";
import { Client } from "./lib/client.mjs";
import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { converged, formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";

const document = "confidential/Quellenverzeichnis.md";
const pasted = "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich, whisperingly.";
const typed = "Unmistakably typewritten, keystroke by keystroke.";
const person = "Wilhelmina Featherstonehaugh";

enterPrivateNetwork();

await scenario({}, async (context) => {
  needBinary();
  if (process.env.COTERIE_E2E_PRIVATE_NETWORK) new Network(); // For its loopback interface.
  const nodes = ["red", "green", "blue"].map((color) => new Node(context, color));
  const [red, green] = nodes;
  await formTeam(nodes);
  const record = await capture(context, [...nodes.map((node) => node.meshPort), green.bridgePort]);

  const writer = new Client(context, red.bridge, "demo", document, { saved: true });
  const reader = new Client(context, green.bridge, "demo", document);
  await Promise.all([writer.synced(), reader.synced()]);
  writer.provider.awareness.setLocalState({ user: { name: person } });
  await until("the reader sees who is there", () =>
    Array.from(reader.provider.awareness.getStates().values()).some((state) => state.user?.name === person),
  );
  await writer.type([[0, 0, pasted]]);
  for (const [i, character] of Array.from(typed).entries()) {
    await writer.type([[pasted.length + i, 0, character]]);
    await sleep(5);
  }
  await writer.allSaved();
  await until("the reader has it", () => reader.text.toString() === pasted + typed);
  await converged(nodes, "demo", document, pasted + typed);
  const streams = await record.stop();

  const secrets = [pasted, typed, person, document, ...words(`${pasted} ${typed} ${person} ${document}`)];
  const ofBridge = ({ from, to }) => from === green.bridgePort || to === green.bridgePort;
  // The search must be able to find: what green's bridge sent to its browser is readable.
  const control = found(Buffer.concat(streams.filter(ofBridge).map(({ data }) => data)), secrets);
  check(control.includes(pasted) && control.includes(person), "the search to find the text on the way to a browser");

  const mesh = streams.filter((stream) => !ofBridge(stream));
  const bytes = mesh.reduce((sum, { data }) => sum + data.length, 0);
  check(bytes > 10_000, `traffic between the nodes, not ${bytes} bytes`);
  for (const { from, to, data } of mesh) {
    const leaked = found(data, secrets);
    check(leaked.length === 0, `nothing readable from port ${from} to ${to}, but there is ${JSON.stringify(leaked)}`);
  }
  context.log(`${secrets.length} texts in 3 encodings: none between the nodes, none on their disks`);
  context.figure("captured between the nodes", `${bytes} bytes in ${mesh.length} directions`);

  for (const node of nodes) await node.stop();
  let files = 0;
  let size = 0;
  for (const node of nodes) {
    for (const file of [...(await filesBelow(node.data)), node.logFile]) {
      const data = await readFile(file);
      const leaked = found(data, secrets);
      check(leaked.length === 0, `nothing readable in ${file}, but there is ${JSON.stringify(leaked)}`);
      files += 1;
      size += data.length;
    }
  }
  context.figure("searched on the nodes' disks", `${files} files, ${size} bytes`);
});

/** Long enough not to occur by chance or in our own source. */
function words(text) {
  return text.split(/[^\p{L}]+/u).filter((word) => word.length >= 7);
}
