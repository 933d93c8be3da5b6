// A newcomer to a workspace with many entries: two real nodes on loopback, data in memory.
//
//   node million.mjs [--entries N] [--documents N] [--runs N] [--data DIR]
//
//   entries      the member holds all: the newcomer fetches and checks every entry
//   checkpoint   the member has pruned below a checkpoint: the newcomer begins from the bundle
//
// --data: where the filled data directory is kept for another run; it takes a while to make.
// Newcomers are viewers: a checkpoint waits for everybody who may write. Times are from the moment
// `join` is asked for: until the document changed last can be read, whole, until the join is
// answered, until all entries are held and checked (or the checkpoint's documents, all of them).
// Memory: the newcomer's own, without the pages of its store that the system maps and can drop.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, rmSync } from "node:fs";
import path from "node:path";

import { quantiles } from "../../tests/e2e/lib/keys.mjs";
import { binary, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { scenario, until } from "../../tests/e2e/lib/scenario.mjs";

const number = { type: "string", number: true };
const workspace = "demo";
const fast = { everyMs: 5, timeoutMs: 170_000 };
const seconds = (since) => (performance.now() - since) / 1000;

await scenario({ entries: number, documents: number, runs: number, data: { type: "string" } }, async (context) => {
  needBinary();
  const { entries = 1_000_000, documents = 100, runs = 5 } = context.args;
  const kept = context.args.data ?? path.join(context.directory, "kept");
  if (!existsSync(kept)) {
    const maker = new Node(context, "maker", { data: kept });
    await maker.init();
    await maker.cli("workspace", "create", workspace);
    const fill = [kept, workspace, "fill", String(entries), String(documents)];
    execFileSync(path.join(path.dirname(binary), "directory_bench"), fill);
  }
  if (runs === 0) return;
  const red = new Node(context, "red");
  await red.init(); // For its ports.
  rmSync(red.data, { recursive: true });
  cpSync(kept, red.data, { recursive: true });

  const newcomer = async (title, run, whole) => {
    const green = new Node(context, `${title}${run}`);
    await green.init();
    await green.start();
    const invite = (await red.cli("invite", workspace, "--role", "viewer")).trim().split(/\s+/).at(-1);
    const all = (await red.call("doc.list", { workspace })).documents.map((one) => one.path);
    const newest = (await red.call("doc.list", { workspace })).documents.sort((a, b) => b.changed - a.changed)[0].path;
    const newestUpdate = (await red.call("doc.update", { workspace, path: newest })).update;
    const texts = new Map();
    const sample = all.filter((_, i) => i % Math.ceil(all.length / 10) === 0);
    for (const path of sample) texts.set(path, await red.call("doc.update", { workspace, path }));
    const held = (await red.call("status")).workspaces[0].entries;
    const before = red.weight().cpuSeconds;
    const started = performance.now();
    let joined;
    const join = green.call("join", { invite }).then(() => (joined = seconds(started)));
    let own = 0;
    const weigh = () => (own = Math.max(own, green.ownMemory()));
    const sampler = setInterval(weigh, 50);
    await until(
      "a document can be read",
      // There is no such workspace or document yet.
      () => green.call("doc.update", { workspace, path: newest }).then(({ update }) => update === newestUpdate, () => false),
      fast,
    );
    const first = seconds(started);
    await join;
    await until(
      "all is there",
      async () => {
        if (whole && (await green.call("status")).workspaces[0].entries < held) return false;
        const there = (await green.call("doc.list", { workspace })).documents;
        if (there.length < all.length) return false;
        for (const [path, { update }] of texts) {
          if ((await green.call("doc.update", { workspace, path })).update.length < update.length) return false;
        }
        return true;
      },
      { ...fast, everyMs: 50 },
    );
    const done = seconds(started);
    weigh();
    clearInterval(sampler);
    const { peakBytes, cpuSeconds } = green.usage();
    context.log(
      `  ${title}: member ${joined.toFixed(2)} s, first document ${first.toFixed(2)} s, all ${done.toFixed(2)} s; ` +
        `newcomer ${cpuSeconds.toFixed(1)} s CPU, at most ${(own / 2 ** 20).toFixed(0)} MiB of its own, ${(peakBytes / 2 ** 20).toFixed(0)} with mapped pages; ` +
        `giver ${(red.weight().cpuSeconds - before).toFixed(1)} s CPU, peak ${(red.usage().peakBytes / 2 ** 20).toFixed(0)} MiB`,
    );
    await green.stop();
    rmSync(green.data, { recursive: true });
    return { joined, first, done, own };
  };
  const measure = async (title, whole) => {
    const took = [];
    for (let run = 0; run < runs; ++run) took.push(await newcomer(title, run, whole));
    for (const what of ["first", "done"]) {
      const { median, max } = quantiles(took.map((one) => one[what]));
      context.figure(`${title}: ${what === "first" ? "first document" : "all"}`, `median ${median.toFixed(2)}  most ${max.toFixed(2)} s`);
    }
    const { median, max } = quantiles(took.map((one) => one.own / 2 ** 20));
    context.figure(`${title}: newcomer's own memory, at most`, `median ${median.toFixed(0)}  most ${max.toFixed(0)} MiB`);
  };

  const started = performance.now();
  await red.start();
  context.figure("entries; the member's start", `${(await red.call("status")).workspaces[0].entries}; ${seconds(started).toFixed(2)} s`);
  await measure("entries", true);

  const pruning = performance.now();
  await red.cli("history", "checkpoint", workspace);
  await until("it is pruned", () => red.cli("history", "prune", workspace).then(() => true), { everyMs: 500, timeoutMs: 170_000 });
  const pruned = async () => (await red.json("history", "show", workspace)).pruning === false;
  await until("nothing is left to prune", pruned, { everyMs: 100, timeoutMs: 170_000 });
  context.figure("checkpoint made and pruned to", `${seconds(pruning).toFixed(1)} s`);
  await measure("checkpoint", false);
  await red.stop();
});
