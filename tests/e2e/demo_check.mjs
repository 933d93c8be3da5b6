// Behind `./dev demo --check`: shows on the running demo what a person would see in it.
//
//   node demo_check.mjs RED_URL GREEN_URL RED_DATA GREEN_DATA BLUE_DATA

import { Client, Watcher } from "./lib/client.mjs";
import { converged, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, until } from "./lib/scenario.mjs";
import { typeTogether } from "./lib/together.mjs";
import { loadTrace } from "./lib/trace.mjs";

const edits = 5000;

await scenario({}, async (context) => {
  needBinary();
  const [redUrl, greenUrl, ...directories] = context.args.positionals;
  check(directories.length === 3, "RED_URL GREEN_URL RED_DATA GREEN_DATA BLUE_DATA");
  const nodes = directories.map((directory, i) => new Node(context, ["red", "green", "blue"][i], { data: directory }));

  if (!(await nodes[0].cli("doc", "list", "demo")).includes("notes/welcome.md")) {
    await nodes[0].cli("doc", "create", "demo", "notes/welcome.md");
  }
  await until("green lists it", async () => (await nodes[1].cli("doc", "list", "demo")).includes("notes/welcome.md"));
  const { text, files } = await typeTogether(context, [redUrl, greenUrl], "notes/welcome.md");
  await converged(nodes, "demo", "notes/welcome.md", text);
  context.log("two browser windows on red and green: same text, each sees the other's cursor and name");
  for (const file of files) context.figure("screenshot", file);

  const trace = loadTrace(context, edits);
  const watcher = new Watcher(context, { bridge: greenUrl, name: "green", prefix: [] }, "demo", "papers/trace.tex");
  const typist = new Client(context, redUrl, "demo", "papers/trace.tex", { saved: true });
  await typist.synced();
  const started = performance.now();
  await typist.type(trace.edits);
  await typist.allSaved();
  await watcher.shows(trace.text);
  await converged(nodes, "demo", "papers/trace.tex", trace.text);
  const seconds = (performance.now() - started) / 1000;
  context.log("a stock Yjs client on red, another on green: all three nodes hold the same");
  context.figure(`${trace.edits.length} edits, saved and everywhere in`, `${seconds.toFixed(2)} s`);
});
