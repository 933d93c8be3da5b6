// A workspace of 1,000 documents, restored from a hot backup into another directory while its peers
// moved on: everything merges, and nothing that was there or came since is lost.
//
//   node backup.mjs [--seed S] [--documents N]

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { Client } from "./lib/client.mjs";
import { formTeam, linked, needBinary, Node, peersOf } from "./lib/nodes.mjs";
import { check, scenario, until } from "./lib/scenario.mjs";

await scenario({ documents: { type: "string", number: true } }, async (context) => {
  needBinary();
  const count = context.args.documents ?? 1000;
  const red = new Node(context, "red");
  const green = new Node(context, "green");
  await formTeam([red, green]);

  const folder = path.join(context.directory, "in");
  for (let i = 0; i < count; ++i) {
    const file = path.join(folder, `part-${i % 10}`, `${i}.md`);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `document ${i}\n`.repeat(1 + (i % 50)));
  }
  let began = performance.now();
  await red.cli("import", "demo", folder);
  context.figure(`import of ${count} files`, `${((performance.now() - began) / 1000).toFixed(1)} s`);
  await inStep([red, green]);

  // Hot: somebody writes meanwhile.
  const backup = path.join(context.directory, "backup.tar");
  const writer = new Client(context, red.bridge, "demo", "part-0/0.md", { saved: true });
  await writer.synced();
  began = performance.now();
  const making = red.json("backup", backup, "--archive");
  for (let i = 0; i < 50; ++i) await writer.type([[0, 0, `during ${i}\n`]]);
  const made = await making;
  context.figure(
    "hot backup",
    `${(made.bytes / 2 ** 20).toFixed(1)} MiB in ${((performance.now() - began) / 1000).toFixed(2)} s`,
  );
  await writer.allSaved();
  writer.close();

  // Both move on: red's last words reached green, and green goes on alone.
  await write(context, red, "part-1/1.md", "red after the backup");
  await inStep([red, green]);
  await red.stop();
  for (let i = 0; i < 20; ++i) await write(context, green, `part-${i % 10}/${i}.md`, `green moved on ${i}`);
  await write(context, green, "new.md", "a new document");

  const again = new Node(context, "again");
  began = performance.now();
  await again.cli("restore", backup);
  context.figure("restore", `${((performance.now() - began) / 1000).toFixed(2)} s`);
  const report = await again.json("doctor");
  check(report.healthy, `the restored directory to be healthy: ${JSON.stringify(report)}`);
  check(report.workspaces[0].documents_compared === count, "every document to be compared with the logs");
  await rm(red.data, { recursive: true });
  again.meshPort = red.meshPort;
  again.bridgePort = red.bridgePort;
  await again.start();
  await write(context, again, "part-2/2.md", "restored and writing");
  await linked([again, green]);
  await inStep([again, green]);

  const [here, there] = [await exported(context, again), await exported(context, green)];
  check(here.size === count + 1, `${count + 1} documents, not ${here.size}`);
  for (const [name, text] of here) check(there.get(name) === text, `${name} to be equal on both`);
  const words = ["during 0", "during 49"].map((word) => ["part-0/0.md", word]);
  words.push(["part-1/1.md", "red after the backup"], ["part-2/2.md", "restored and writing"]);
  words.push(["new.md", "a new document"]);
  for (let i = 0; i < 20; ++i) words.push([`part-${i % 10}/${i}.md`, `green moved on ${i}`]);
  for (const [name, word] of words) check(here.get(name).includes(word), `"${word}" in ${name}`);
  for (let i = 0; i < count; ++i) {
    const text = here.get(`part-${i % 10}/${i}.md`);
    check(text.endsWith(`document ${i}\n`.repeat(1 + (i % 50))), `document ${i} to hold what was imported`);
  }
  const members = await green.json("members", "demo");
  check(members.forks.length === 0, "no log to have forked");
  context.figure("documents equal on both", `${here.size}`);
  for (const node of [again, green]) await node.stop();
  for (const node of [again, green]) check((await node.json("doctor")).healthy, `${node.name} to be healthy`);
});

async function inStep(nodes) {
  for (const node of nodes) {
    await until(
      `${node.name} is in step`,
      async () => {
        const peers = await peersOf(node);
        return peers.length > 0 && peers.every((peer) => peer.in_step);
      },
      { timeoutMs: 90_000, everyMs: 250 },
    );
  }
}

async function write(context, node, document, words) {
  const client = new Client(context, node.bridge, "demo", document, { saved: true });
  await client.synced();
  await client.type([[0, 0, `${words}\n`]]);
  await client.allSaved();
  client.close();
}

/** Path to text of all documents, by `coterie export`. */
async function exported(context, node) {
  const folder = path.join(context.directory, `${node.name}-export`);
  await node.cli("export", "demo", "--to", folder);
  const texts = new Map();
  for (const item of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!item.isFile() || item.name === "coterie-export.json") continue;
    const file = path.join(item.parentPath ?? item.path, item.name);
    texts.set(path.relative(folder, file), await readFile(file, "utf8"));
  }
  return texts;
}
