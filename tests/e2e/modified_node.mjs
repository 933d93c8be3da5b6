// A viewer's device runs modified code (tests/e2e/modified_node.cpp): it pushes what it likes in its
// own name and in others', at the real binary. Nobody applies any of it, everybody goes on working,
// and after its removal it is told nothing new.

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { Client } from "./lib/client.mjs";
import { converged, formTeam, linked, needBinary, Node, peersOf } from "./lib/nodes.mjs";
import { check, root, scenario, sleep, until } from "./lib/scenario.mjs";

const tool = process.env.COTERIE_MODIFIED_NODE ?? path.join(root, "build/release/bin/modified_node");
const document = "notes.md";
const forged = "FORGED";

await scenario({}, async (context) => {
  needBinary();
  const [red, green, evil] = ["red", "green", "evil"].map((name) => new Node(context, name));
  const honest = [red, green];
  await formTeam(honest);
  await evil.init();
  await evil.start();
  const invite = (await red.cli("invite", "demo", "--role", "viewer")).trim().split(/\s+/).at(-1);
  await evil.cli("join", invite);

  const typists = honest.map((node) => new Client(context, node.bridge, "demo", document, { saved: true }));
  for (const typist of typists) await typist.synced();
  const [ada, alan] = typists;
  ada.provider.awareness.setLocalState({ user: { name: "Ada" } });
  alan.provider.awareness.setLocalState({ user: { name: "Alan" } });
  await ada.type([[0, 0, "written-before "]]);
  await until("the viewer reads along", async () => (await evil.text("demo", document)) === "written-before ");
  await until("each sees the other", () => typists.every((one) => one.provider.awareness.getStates().size === 2));
  await evil.stop();

  // From here on its device speaks for itself.
  const workspace = (await red.json("workspace", "list")).workspaces[0].id;
  const members = async (node) => (await node.json("members", "demo")).members;
  const device = (await members(red)).find((member) => member.name === "evil").device;
  const idOf = async (node) => (await members(node)).find((member) => member.name === node.name).device;
  const ids = typists.flatMap((typist) => ["--client", String(typist.doc.clientID)]);
  const attack = async (node, ...options) => {
    const { stdout } = await promisify(execFile)(
      tool, [evil.data, workspace, await idOf(node), node.mesh, ...ids, ...options], { timeout: 90_000 },
    ); // prettier-ignore
    return JSON.parse(stdout);
  };
  const roles = async (node) =>
    JSON.stringify((await members(node)).map(({ device, role }) => [device, role]).sort());
  const before = await roles(red);

  const reading = await attack(red, "--find", "written-before");
  check(reading.linked && reading.found, `a viewer's device to read what is there: ${JSON.stringify(reading)}`);

  let shown = 0;
  for (const { provider } of typists) {
    provider.awareness.on("change", () => {
      // Under ids of its own the viewer may say what it likes.
      const states = typists.map((typist) => provider.awareness.getStates().get(typist.doc.clientID));
      if (JSON.stringify(states).includes(forged)) ++shown;
    });
  }
  const clean = async (when) => {
    for (const node of honest) {
      const text = await node.text("demo", document);
      check(!text.includes(forged), `${node.name} to apply nothing forged ${when}, not: ${text.slice(0, 200)}`);
      const { documents } = await node.json("doc", "list", "demo").catch(() => ({ documents: [] }));
      check(!documents.some(({ path }) => path.startsWith("flood")), `no forged documents on ${node.name}`);
    }
    for (const typist of typists) check(!typist.text.toString().includes(forged), `no forged text in a browser ${when}`);
    check(shown === 0, `nobody to be shown a forged presence ${when}`);
  };
  const goesOn = async (text) => {
    await alan.type([[alan.text.length, 0, text]]);
    await alan.allSaved();
    await converged(honest, "demo", document, alan.text.toString(), { timeoutMs: 30_000 });
    await linked(honest);
    await until("red and green are in step", async () => {
      const peers = await Promise.all(honest.map((node) => peersOf(node)));
      return peers.flat().filter((peer) => peer.linked && peer.in_step).length >= 2;
    });
  };

  let frames = 0;
  for (const node of [red, green]) {
    const pushed = await attack(node, "--push", forged);
    frames += pushed.frames;
    check(pushed.frames > 100, `the attack on ${node.name} to get going: ${JSON.stringify(pushed)}`);
    await clean("after the attack");
    await goesOn(`still here ${node.name} `);
  }
  for (const node of honest) check((await roles(node)) === before, `${node.name}'s members to be who they were`);
  context.log(`${frames} frames of a viewer's modified node: nothing of it applied`);

  if (/^ {2}remove /m.test(await red.cli("--help"))) {
    await red.cli("remove", "demo", device);
    for (const node of honest) {
      await until(`${node.name} knows of the removal`, async () => !(await roles(node)).includes(device));
    }
    await sleep(1000);
    await goesOn("written-after ");
    for (const node of honest) {
      const after = await attack(node, "--push", forged, "--find", "written-after");
      check(!after.found, `a removed device to read nothing new: ${JSON.stringify(after)}`);
      await clean("after the removal");
      await goesOn(`and on ${node.name} `);
    }
  }
  for (const node of honest) {
    check(node.usage().peakBytes < 400 * 2 ** 20, `${node.name}'s memory to stay below 400 MiB`);
    node.reportUsage();
    await node.stop();
  }
});
