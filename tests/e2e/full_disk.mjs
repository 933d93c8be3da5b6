// A full disk, round after round: clients write while the file system of the node's data directory (a
// small tmpfs of the scenario's own) fills up at a random moment. The node must say so, to clients, over
// HTTP and to the CLI; go on showing what it holds; lose nothing that it had reported saved, not even
// if it is killed and started while the disk is full; and take everything that waited as soon as there
// is room, without a restart.
//
//   node full_disk.mjs [--rounds N] [--seed S]

import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import path from "node:path";

import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { CommandFailed, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, Skipped, sleep, until } from "./lib/scenario.mjs";
import { lookForPromises, Writer } from "./lib/writer.mjs";

const options = { rounds: { type: "string", number: true } };
const diskBytes = 48 * 1024 * 1024;
const roundsPerDocuments = 4;
/** Enough to leave no free page in the data file soon. */
const pasted = "A paragraph that somebody pastes. ".repeat(3000);

/** In a round: some 2 MB, of which the disk takes some 200 kB. */
const pastesMax = 20;

const privateNetwork = enterPrivateNetwork();

await scenario(options, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make mounts of their own");
  const rounds = context.args.rounds ?? 3;
  new Network();
  const small = path.join(context.directory, "small");
  mkdirSync(small);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskBytes}`, "coterie-e2e", small]);
  context.defer(() => execFileSync("umount", ["--lazy", small]));

  const red = new Node(context, "red", { data: path.join(small, "red") });
  await red.init();
  await red.start();
  await red.cli("workspace", "create", "demo");
  const seen = { messages: new Set(), promised: 0, killed: 0, recoveryMs: [] };
  let writers = [];
  for (let round = 0; round < rounds; ++round) {
    if (round % roundsPerDocuments === 0) {
      for (const writer of writers) writer.close();
      writers = [0, 1, 2].map((i) => new Writer(context, red, `notes/${round}-${i % 2}.md`));
      for (const writer of writers) await writer.client.synced();
    }
    await oneRound(context, red, small, writers, round, seen);
  }
  for (const writer of writers) writer.close();
  await red.stop();
  check((await red.json("doctor")).healthy, "the directory to be whole");
  const { recoveryMs } = seen;
  recoveryMs.sort((a, b) => a - b);
  context.figure("rounds of a full disk", `${rounds}, ${seen.killed} of them with kill -9 and start`);
  context.figure("edits reported saved; lost", `${seen.promised}; 0`);
  context.figure("everything saved, after making room", `median ${recoveryMs[recoveryMs.length >> 1].toFixed(0)} ms, slowest ${recoveryMs.at(-1).toFixed(0)} ms`);
  context.log("  what people were told:");
  for (const message of [...seen.messages].sort()) context.log(`    ${message}`);
});

async function oneRound(context, red, small, writers, round, seen) {
  const { random } = context;
  const closings = [];
  for (const { client } of writers) {
    client.provider.on("connection-close", (event) => event?.code && closings.push(`${event.code} ${event.reason}`));
  }
  for (const writer of writers) writer.begin();
  await sleep(random.below(500));
  const ballast = path.join(small, "ballast");
  fill(ballast, random.below(200_000));
  // Not for ever: a client that has more than a message may hold (16 MiB) could never send it.
  let pastes = 0;
  const pasting = setInterval(() => ++pastes <= pastesMax && writers[0].client.text.insert(0, pasted), 20);
  try {
    await until("the node turns read-only", () => isFull(red), { timeoutMs: 60_000 });
    await until("a client is told", () => closings.some((one) => one.startsWith("1013 ")), { timeoutMs: 60_000 });
  } finally {
    clearInterval(pasting);
    for (const writer of writers) writer.stop();
  }
  for (const one of new Set(closings)) seen.messages.add(`WebSocket client: close ${one}`);
  await expectRefusals(red, seen);
  // It goes on showing what it holds.
  for (const { document } of writers) await red.text("demo", document);

  const killed = random.next() < 0.4;
  if (killed) {
    await red.kill9();
    for (const writer of writers) await writer.cutOff();
    await red.start();
    seen.killed += 1;
    await lookForPromises(red, writers);
  }
  rmSync(ballast);
  const started = performance.now();
  for (const { client } of writers) client.provider.connect();
  for (const { client } of writers) await client.allSaved();
  seen.recoveryMs.push(performance.now() - started);
  for (const { promises, client } of writers) {
    const before = promises.edits;
    promises.take(client);
    seen.promised += promises.edits - before;
  }
  for (const { client } of writers) client.provider.disconnect();
  await lookForPromises(red, writers);
  context.log(`  round ${round}: all saved edits there${killed ? ", after kill -9 on the full disk too" : ""}`);
}

/** Leaves about `rest` bytes on the file system of `file`. */
function fill(file, rest) {
  const { bavail, bsize } = statfsSync(path.dirname(file));
  const block = Buffer.alloc(64 * 1024, 1);
  const fd = openSync(file, "w");
  try {
    for (let left = bavail * bsize - rest; left > 0; left -= block.length) {
      writeSync(fd, block, 0, Math.min(block.length, left));
    }
  } catch (error) {
    if (error.code !== "ENOSPC") throw error; // The node was faster: it is full, then.
  }
  closeSync(fd);
}

async function createOverHttp(node) {
  const response = await fetch(`${node.bridge}/v1/workspaces/demo/documents`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path: `notes/new-${Math.random()}.md` }),
  });
  return { status: response.status, body: await response.text() };
}

async function isFull(node) {
  return (await createOverHttp(node)).status === 507;
}

async function expectRefusals(red, seen) {
  const { status, body } = await createOverHttp(red);
  check(status === 507, `507 for a new document, not ${status}`);
  seen.messages.add(`HTTP: ${status} ${body}`);
  try {
    await red.cli("doc", "create", "demo", "notes/refused.md");
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    check(error.code === 1, `exit code 1, not ${error.code}`);
    seen.messages.add(`CLI: ${error.stderr.trim()}`);
    return;
  }
  throw new Error("a document could be created on a full disk");
}
