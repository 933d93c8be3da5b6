// kill -9 of a node under load, round after round, with everything it had reported saved looked for
// after each. Several stock clients write to several documents; the node dies at a random moment, or
// at a random call to its disk (before it, after it, in the middle of a write), some rounds once more
// while it starts. It must start by itself, and strangers who know nothing must find all that was
// promised; only then do the writers come back. Every so many rounds the directory of the dead node
// goes to `coterie doctor`, which must find nothing; and a newcomer joins, which verifies each entry
// of each log by itself, and must end up equal.
//
//   node crash.mjs [--rounds N] [--writers N] [--seed S]

import { contentOf } from "./lib/any_edit.mjs";
import { Disk } from "./lib/disk.mjs";
import { converged, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";
import { lookForPromises, Writer } from "./lib/writer.mjs";

const number = { type: "string", number: true };
const options = { rounds: number, writers: number };
/** Rounds on one data directory, and rounds that write the same documents. */
const roundsPerTeam = 100;
const roundsPerDocuments = 20;
const documentsAtOnce = 3;
/** Of so many kills one has its directory examined. The others start on what the kill left. */
const killsPerDoctor = 10;
const slowStartMs = 2000;

const totals = { rounds: 0, starts: 0, kills: {}, promised: 0, startMs: [], examined: 0, newcomers: 0 };

await scenario(options, async (context) => {
  needBinary();
  const { args } = context;
  const rounds = args.rounds ?? 40;
  const started = performance.now();
  for (let done = 0; done < rounds; done += roundsPerTeam) {
    await team(context, done, Math.min(rounds, done + roundsPerTeam), args.writers ?? 4);
    const minutes = (performance.now() - started) / 60_000;
    context.log(`  ${totals.rounds} rounds, ${totals.promised} edits promised, none lost (${minutes.toFixed(1)} min)`);
  }
  const starts = totals.startMs.sort((a, b) => a - b);
  const kinds = Object.entries(totals.kills).map(([kind, count]) => `${count} ${kind}`);
  context.figure("rounds of kill -9", totals.rounds);
  context.figure("how it was killed", kinds.join(", "));
  context.figure("edits reported saved; lost", `${totals.promised}; 0`);
  context.figure("starts; failed", `${totals.starts}; 0`);
  context.figure("start, median; slowest", `${starts[starts.length >> 1].toFixed(0)} ms; ${starts.at(-1).toFixed(0)} ms`);
  context.figure("directories that doctor found whole", totals.examined);
  context.figure("newcomers that verified all logs", totals.newcomers);
});

/** Rounds `from` to `to` - 1 on a data directory of their own. */
async function team(context, from, to, writerCount) {
  const disk = new Disk(context, `red-${from}`);
  const red = new Node(context, `red-${from}`, { prefix: disk.prefix });
  await red.init();
  await red.start();
  await red.cli("workspace", "create", "demo");
  let writers = [];
  for (let round = from; round < to; ++round) {
    if ((round - from) % roundsPerDocuments === 0) {
      for (const writer of writers) writer.close();
      writers = await openWriters(context, red, writerCount, round);
    }
    try {
      await oneRound(context, red, disk, writers);
    } catch (error) {
      throw new Error(`in round ${round}; its log ends with:\n${red.lastLog()}`, { cause: error });
    }
    totals.rounds += 1;
  }
  await newcomer(context, red, writers, from);
  for (const writer of writers) writer.close();
  await red.stop();
  await examine(red);
}

async function openWriters(context, red, count, round) {
  const writers = Array.from({ length: count }, (_, i) => new Writer(context, red, `notes/${round}-${i % documentsAtOnce}.md`));
  await Promise.all(writers.map((writer) => writer.client.synced()));
  return writers;
}

async function oneRound(context, red, disk, writers) {
  const { random } = context;
  for (const writer of writers) writer.begin();
  const kind = await die(random, red, disk);
  totals.kills[kind] = (totals.kills[kind] ?? 0) + 1;
  for (const writer of writers) writer.stop();
  for (const writer of writers) totals.promised += await writer.cutOff();
  // Some rounds it dies again while it starts.
  if (random.next() < 0.25) {
    disk.kill({ after: random.below(12), part: 0 });
    const starting = red.start().then(() => red.kill9(), () => undefined);
    await sleep(random.below(30));
    await red.kill9();
    await starting;
    disk.heal();
    totals.kills["at a start"] = (totals.kills["at a start"] ?? 0) + 1;
  }
  if (totals.starts % killsPerDoctor === killsPerDoctor - 1) await examine(red);
  const begun = performance.now();
  await red.start();
  const took = performance.now() - begun;
  totals.startMs.push(took);
  if (took > slowStartMs) context.log(`  a start took ${took.toFixed(0)} ms:\n${red.lastLog(4)}`);
  totals.starts += 1;
  await lookForPromises(red, writers);
}

/** Lets the node work for a while, then die. Returns how. */
async function die(random, red, disk) {
  if (random.next() < 0.5) {
    await sleep(random.below(400));
    await red.kill9();
    return "at a random moment";
  }
  const exited = red.exited();
  const inTheMiddle = random.next() < 0.5;
  disk.kill({ after: random.below(120), part: inTheMiddle ? 1 + random.below(99) : 100 * random.below(2) });
  await exited;
  disk.heal();
  return inTheMiddle ? "within a write" : "before or after a call to the disk";
}

/** A stopped node's directory, however it was stopped, is whole. */
async function examine(node) {
  check((await node.json("doctor")).healthy, `${node.name}'s directory to be whole`);
  totals.examined += 1;
}

/** Joins, takes everything, and must hold the same as red and as the writers. */
async function newcomer(context, red, writers, from) {
  const green = new Node(context, `green-${from}`);
  await green.init();
  await green.start();
  for (const { client } of writers) client.provider.connect();
  for (const { client } of writers) await client.synced();
  await green.cli("join", (await red.cli("invite", "create", "demo")).trim().split(/\s+/).at(-1));
  for (const { path } of (await red.json("doc", "list", "demo")).documents) {
    await until(
      `green holds what red holds of ${path}`,
      async () => (await green.stateVector("demo", path)) === (await red.stateVector("demo", path)),
      { timeoutMs: 90_000, everyMs: 100 },
    );
  }
  for (const { document, client } of writers) {
    await until("a writer has what all others wrote", async () => (await red.text("demo", document)) === client.text.toString());
    await converged([red, green], "demo", document, client.text.toString());
    const same = writers.filter((other) => other.document === document).map((other) => contentOf(other.client.doc));
    await until("the writers are equal", () => new Set(same).size === 1);
  }
  totals.newcomers += 1;
  await green.stop();
  await examine(green);
}
