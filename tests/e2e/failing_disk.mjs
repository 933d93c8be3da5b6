// A broken disk and a wrong clock under a real node. The disk gives EIO, or has become read-only, at a
// random call: the node must stop promising, tell everybody why, and go on showing what it holds; after
// a restart with the disk well again, everything it had reported saved is there and writing goes on.
// Then its clock jumps, minutes to decades, both ways, while it runs and while it is down: nothing may
// be lost by that either, and a second device whose clock is right takes it all.
//
//   node failing_disk.mjs [--rounds N] [--seed S]

import { Disk } from "./lib/disk.mjs";
import { converged, formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";
import { lookForPromises, Writer } from "./lib/writer.mjs";

const options = { rounds: { type: "string", number: true } };
const minute = 60;
const day = 24 * 60 * minute;
const jumps = [-20 * 365 * day, -day, -10 * minute, 10 * minute, day, 20 * 365 * day];

await scenario(options, async (context) => {
  needBinary();
  const rounds = context.args.rounds ?? 4;
  const disk = new Disk(context, "red");
  const red = new Node(context, "red", { prefix: disk.prefix });
  const green = new Node(context, "green");
  await formTeam([red, green]);
  const writers = [0, 1, 2].map((i) => new Writer(context, red, `notes/${i % 2}.md`));
  const promised = () => writers.reduce((sum, { promises }) => sum + promises.edits, 0);
  await Promise.all(writers.map(({ client }) => client.synced()));

  const messages = new Set();
  for (const { client } of writers) {
    client.provider.on("connection-close", (event) => event?.reason && messages.add(`WebSocket client: close ${event.code} ${event.reason}`));
  }
  for (let round = 0; round < rounds; ++round) {
    const error = round % 2 === 0 ? "EIO" : "EROFS";
    await green.stop(); // Nobody may bring back what red loses.
    await failingRound(context, red, disk, writers, error, messages);
    await green.start();
    context.log(`  round ${round}: ${error}; ${promised()} saved edits, all there`);
  }
  for (const jump of jumps) {
    await green.stop();
    await jumpingRound(context, red, disk, writers, jump);
    await green.start();
    context.log(`  clock wrong by ${jump / 60} minutes; ${promised()} saved edits, all there`);
  }
  for (const { client } of writers) client.provider.connect();
  for (const { client } of writers) await client.allSaved();
  for (const { document, client } of writers) {
    await until("a writer has what all others wrote", async () => (await red.text("demo", document)) === client.text.toString());
    await converged([red, green], "demo", document, client.text.toString());
  }
  // A clock that was far ahead once must not close the door for ever.
  const blue = new Node(context, "blue");
  await blue.init();
  await blue.start();
  await blue.cli("join", (await red.cli("invite", "create", "demo")).trim().split(/\s+/).at(-1));
  for (const { document, client } of writers) await converged([red, green, blue], "demo", document, client.text.toString());

  context.figure("rounds of a failing disk; clock jumps", `${rounds}; ${jumps.length}`);
  context.figure("edits reported saved; lost", `${promised()}; 0`);
  context.log("  what people were told:");
  for (const message of [...messages].sort()) context.log(`    ${message}`);
  for (const node of [red, green, blue]) {
    await node.stop();
    check((await node.json("doctor")).healthy, `${node.name}'s directory to be whole`);
  }
});

async function failingRound(context, red, disk, writers, error, messages) {
  for (const writer of writers) writer.begin();
  await sleep(context.random.below(300));
  disk.fail(error, { after: context.random.below(40) });
  await until("a new document is refused", async () => {
    const response = await fetch(`${red.bridge}/v1/workspaces/demo/documents`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ path: `notes/${Math.random()}.md` }),
    });
    const body = await response.text();
    if (response.status !== 201) messages.add(`HTTP: ${response.status} ${body}`);
    return response.status === 500 && /disk failed/.test(body);
  });
  for (const writer of writers) writer.stop();
  for (const { document } of writers) await red.text("demo", document);
  await red.stop({ signal: context.random.next() < 0.5 ? "SIGKILL" : "SIGTERM" });
  for (const writer of writers) await writer.cutOff();
  disk.heal();
  await red.start();
  await lookForPromises(red, writers);
}

async function jumpingRound(context, red, disk, writers, jump) {
  for (const writer of writers) writer.begin();
  await sleep(200);
  disk.setClock(jump);
  const before = writers[0].client.savedEdits;
  await until("edits are reported saved with the clock wrong", () => writers[0].client.savedEdits > before + 20);
  const { documents } = await red.json("doc", "list", "demo");
  const newest = Math.max(...documents.map(({ changed }) => changed));
  // One that goes back is seen by nobody: the logical part goes on.
  check(jump < 0 || Math.abs(newest - Date.now() - jump * 1000) < 60_000, "the node's clock to be wrong");
  await red.kill9();
  for (const writer of writers) writer.stop();
  for (const writer of writers) await writer.cutOff();
  await red.start(); // Still wrong.
  await lookForPromises(red, writers);
  for (const writer of writers) writer.begin();
  const again = writers[0].client.savedEdits;
  await until("edits are reported saved after the start", () => writers[0].client.savedEdits > again + 20);
  await red.kill9();
  for (const writer of writers) writer.stop();
  for (const writer of writers) await writer.cutOff();
  disk.setClock(0); // Right again while it is down: back from the future, too.
  await red.start();
  await lookForPromises(red, writers);
}
