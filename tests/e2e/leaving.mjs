// How soon a member that goes is missed, as `coterie peers` tells it: one that stops, one that is
// killed, and one whose cable is cut; and that what was written last is not lost with it.

import { Client, Watcher } from "./lib/client.mjs";
import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { formTeam, needBinary, Node, peersOf } from "./lib/nodes.mjs";
import { check, scenario, Skipped, until } from "./lib/scenario.mjs";

const document = "notes.md";
const rounds = 3;

const privateNetwork = enterPrivateNetwork();

const names = (client) => Array.from(client.provider.awareness.getStates().values(), (state) => state.user?.name);
const list = (times) => times.map((time) => time.toFixed(0)).join(", ");

await scenario({}, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make network namespaces");
  const network = new Network();
  const red = new Node(context, "red", { listen: network.home });
  const [green, blue] = ["green", "blue"].map((name) => {
    const { address, prefix } = network.host(name);
    return new Node(context, name, { listen: address, prefix });
  });
  await formTeam([red, green, blue]);
  const reader = new Client(context, red.bridge, "demo", document);
  await reader.synced();

  const ends = {
    "a member that stops": () => green.stop(),
    "a member that is killed": () => green.kill9(),
    "a member whose cable is cut": () => network.cut("green"),
  };
  for (const [what, end] of Object.entries(ends)) {
    const missed = [];
    const withdrawn = [];
    for (let round = 0; round < rounds; round++) {
      await until("all are linked", async () => (await peersOf(red)).every((peer) => peer.linked && peer.in_step));
      const watcher = new Watcher(context, green, "demo", document);
      await watcher.shows(reader.text.toString());
      await watcher.present("Wilhelmina");
      await until("red shows who is at green", () => names(reader).includes("Wilhelmina"));
      const from = performance.now();
      const ended = Promise.resolve(end());
      const gone = until("red shows nobody at green", () => !names(reader).includes("Wilhelmina"), { everyMs: 5 })
        .then(() => withdrawn.push(performance.now() - from)); // prettier-ignore
      await until("red misses green", async () => !(await peerOf(red, "green")).linked, { everyMs: 10 });
      missed.push(performance.now() - from);
      await gone;
      await ended;
      // Until blue has missed it, too, red is told that it is there.
      const { dial } = await until("red knows nobody who is linked to green", async () => {
        const peer = await peerOf(red, "green");
        return peer.path === "offline" && peer;
      });
      check(dial.address === green.mesh, "red to look for green where it was");
      watcher.process.kill();
      if (what.includes("cut")) network.heal("green");
      else await green.start();
    }
    context.figure(`${what} is missed after; its cursor is gone after`, `${list(missed)}; ${list(withdrawn)} ms`);
  }

  // What it wrote a moment before it stops has reached the others.
  await until("all are linked", async () => (await peersOf(red)).every((peer) => peer.linked && peer.in_step));
  await green.cli("doc", "create", "demo", "last-words.md");
  await green.stop();
  const { documents } = await red.json("doc", "list", "demo");
  check(documents.some(({ path: name }) => name === "last-words.md"), "green's last words at red");

  async function peerOf(node, name) {
    return (await peersOf(node)).find((peer) => peer.name === name);
  }
});
