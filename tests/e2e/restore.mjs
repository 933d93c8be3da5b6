// Data directories that come back from a copy, and machines that run twice. A node writes, its
// directory is copied, it writes on, and goes on from the copy, with no, one and two peers online; a
// machine that is set back as a whole does not even know; and two copies of one machine write at the
// same time, apart and connected. Nothing that was reported saved is lost, and all replicas are equal.
//
//   node restore.mjs [--seed S]

import { cp, rm } from "node:fs/promises";
import path from "node:path";

import { Client } from "./lib/client.mjs";
import { converged, formTeam, freePort, linked, needBinary, Node, peersOf } from "./lib/nodes.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";

const document = "notes/kept.md";

await scenario({}, async (context) => {
  needBinary();
  // Where the machine is the same, and its id with it: that cannot be had by copying a directory.
  const machine = ["env", `COTERIE_TEST_PLACE=${context.seed}`];
  const red = new Node(context, "red", { prefix: machine });
  const green = new Node(context, "green");
  const blue = new Node(context, "blue");
  const peers = [green, blue];
  const all = [red, ...peers];
  const words = [];
  const write = async (node, word) => {
    await writeWord(context, node, word);
    words.push(word);
  };
  const equal = async (nodes = all) => {
    await until(
      "a node has every word",
      async () => {
        const text = await nodes[0].text("demo", document);
        return words.every((word) => text.includes(word));
      },
      { timeoutMs: 90_000, everyMs: 250 },
    );
    await converged(nodes, "demo", document, await nodes[0].text("demo", document), { timeoutMs: 90_000 });
  };
  const inStep = (nodes = all) =>
    Promise.all(
      nodes.map((node) =>
        until(`${node.name} is in step`, async () => (await peersOf(node)).every((peer) => peer.in_step), {
          timeoutMs: 90_000,
          everyMs: 250,
        }),
      ),
    );

  await formTeam(all);
  await write(red, "begun");
  await equal();

  for (const sameMachine of [false, true]) {
    for (const online of [0, 1, 2]) {
      const name = `${sameMachine ? "set back" : "restored"}-${online}`;
      const copy = path.join(context.directory, `copy-${name}`);
      await write(red, `${name}-before`);
      await equal();
      await red.stop();
      await cp(red.data, copy, { recursive: true });
      await red.start();
      await write(red, `${name}-lost-here`);
      await equal();
      await red.stop();
      for (const peer of peers.slice(online)) await peer.stop();
      await rm(red.data, { recursive: true });
      await cp(copy, red.data, { recursive: true });
      // Another machine has another id.
      red.prefix = sameMachine ? machine : ["env", `COTERIE_TEST_PLACE=${name}`];
      await red.start();
      await write(red, `${name}-after`);
      for (const peer of peers.slice(online)) await peer.start();
      await write(peers[0], `${name}-peer`);
      await equal();
      await linked(all);
      await inStep();
      context.log(`  ${name}: nothing lost, three equal replicas`);
      if (!sameMachine) {
        // Back to where it was, for the next round.
        await red.stop();
        red.prefix = machine;
        await red.start();
      }
    }
  }
  check(/wrote two versions of its log/.test(red.lastLog(1e6)), "red to be told that its log forked");

  // A cloned machine: the copy has everything, and both run.
  await red.stop();
  const twin = new Node(context, "twin", { prefix: machine, data: path.join(context.directory, "twin") });
  await cp(red.data, twin.data, { recursive: true });
  twin.meshPort = await freePort();
  twin.bridgePort = await freePort();
  for (const peer of peers) await peer.stop();
  for (const node of [red, twin]) await node.start();
  for (const node of [red, twin]) {
    for (let i = 0; i < 3; ++i) await write(node, `apart-${node.name}-${i}`);
  }
  for (const peer of peers) await peer.start();
  for (let i = 0; i < 3; ++i) {
    for (const node of [red, twin, green]) await write(node, `together-${node.name}-${i}`);
    await sleep(200);
  }
  await equal([green, blue, red, twin]);
  context.log("  cloned: both copies wrote, apart and together; nothing lost, four equal replicas");
  await twin.stop();
  await linked(all);
  await inStep();
  await equal();
  context.figure("words written", `${words.length}, all on every replica`);
  for (const node of all) await node.stop();
});

/** Somebody opens the document at `node`, writes, sees "saved" and leaves. */
async function writeWord(context, node, word) {
  const client = new Client(context, node.bridge, "demo", document, { saved: true });
  await client.synced();
  await client.type([[client.text.length, 0, `${word}\n`]]);
  await client.allSaved();
  client.close();
}
