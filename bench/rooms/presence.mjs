// How long moves of a cursor take from one node to clients of another while many move theirs, and
// what many people cost who only look.
//
//   node presence.mjs [--cursors N] [--idle N] [--seconds S] [--runs N] [--per-second N]
//
// Half of those who move are at each of two nodes, those who look spread over five. A move that was overtaken counts as seen with the next one.
// Times are from the hand-over of a state to the sender's WebSocket to the moment a client at the
// other node is handed it, or a newer one. The idle renew their state every 15 s, as Yjs does.

import { forked } from "../../tests/e2e/lib/forked.mjs";
import { quantiles, Somebody } from "../../tests/e2e/lib/keys.mjs";
import { formTeam, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { scenario, sleep } from "../../tests/e2e/lib/scenario.mjs";
import { randomFrom } from "../../tests/e2e/lib/random.mjs";

const number = { type: "string", number: true };
const document = "presence/one";

const stateOf = (clientId, moves) => ({
  user: { id: `g${clientId}`, name: `Guest ${clientId}`, color: "#336699" },
  cursor: { anchor: moves, head: moves },
});

if (process.send) {
  process.once("message", (order) => void (order.people ? people(order) : watch(order)));
} else {
  await scenario({ cursors: number, idle: number, seconds: number, runs: number, "per-second": number }, measure);
}

async function people({ bridge, people, first, perSecond, seed }) {
  const random = randomFrom(seed);
  const moved = [];
  let going = true;
  for (let i = 0; i < people; ++i) {
    const one = await Somebody.open(bridge, "demo", document);
    const clientId = first + i;
    let moves = 0;
    const move = () => {
      if (!going) return;
      if (perSecond > 0) moves += 1;
      moved.push([clientId, moves, String(one.show(clientId, stateOf(clientId, moves)))]);
      setTimeout(move, perSecond > 0 ? -Math.log(1 - random.next()) * (1000 / perSecond) : 15_000);
    };
    setTimeout(move, random.below(perSecond > 0 ? 1000 / perSecond : 15_000));
  }
  process.send("ready");
  process.once("message", () => {
    going = false;
    process.send({ moved });
  });
}

async function watch({ bridge }) {
  const eyes = await Somebody.open(bridge, "demo", document);
  const seen = [];
  let messages = 0;
  eyes.onStates = (states, at) => {
    messages += 1;
    for (const [client, state] of states) {
      if (state) seen.push([client, state.cursor.anchor, String(at)]);
    }
  };
  eyes.show(1, stateOf(1, 0));
  process.send("ready");
  process.once("message", () => process.send({ seen, messages }));
}

/** From each move to the first look at it or a newer one, in milliseconds. */
function latencies(moved, seen) {
  const looks = new Map();
  for (const [client, move, at] of seen) {
    if (!looks.has(client)) looks.set(client, []);
    looks.get(client).push([move, BigInt(at)]);
  }
  const times = [];
  let missing = 0;
  for (const [client, move, at] of moved) {
    const look = (looks.get(client) ?? []).find(([known]) => known >= move);
    if (look) times.push(Number(look[1] - BigInt(at)) / 1e6);
    else missing += 1;
  }
  return { times, missing };
}

async function measure(context) {
  needBinary();
  const { cursors = 50, idle = 1000, seconds = 10, runs = 3 } = context.args;
  const perSecond = context.args["per-second"] ?? 5;
  const team = ["red", "green", "blue", "grey", "black"].map((name) => new Node(context, name));
  await formTeam(team);
  const nodes = team.slice(0, 2);
  const groups = (at, count, rate) =>
    at.map((node, side) =>
      forked(context, import.meta.url, {
        bridge: node.bridge,
        people: count / at.length,
        first: 1000 + side * 100_000,
        perSecond: rate,
        seed: context.random.below(2 ** 31),
      }),
    );
  for (let run = 0; run < runs; ++run) {
    const watchers = nodes.map((node) => forked(context, import.meta.url, { bridge: node.bridge }));
    const movers = groups(nodes, cursors, perSecond);
    await Promise.all([...watchers, ...movers].map((one) => one.ready));
    await sleep(seconds * 1000);
    const moved = await Promise.all(movers.map((one) => one.ask("stop")));
    await sleep(500);
    const seen = await Promise.all(watchers.map((one) => one.ask("stop")));
    const all = moved.flatMap(({ moved: some }, side) => {
      const { times, missing } = latencies(some.slice(0, -cursors), seen[1 - side].seen);
      if (missing > 0) context.figure("missing", missing);
      return times;
    });
    const { median, p95, p99, max } = quantiles(all);
    context.figure(
      `${cursors} cursors, ${all.length} moves: other node`,
      `median ${median.toFixed(1)}  p95 ${p95.toFixed(1)}  p99 ${p99.toFixed(1)}  max ${max.toFixed(1)} ms`,
    );
    for (const one of [...watchers, ...movers]) one.child.kill();
    await sleep(500);
  }
  if (idle > 0) {
    const base = team.map((node) => node.usage());
    const watchers = nodes.map((node) => forked(context, import.meta.url, { bridge: node.bridge }));
    const lookers = groups(team, idle, 0);
    await Promise.all([...watchers, ...lookers].map((one) => one.ready));
    await sleep(20_000);
    const before = team.map((node) => node.usage());
    await sleep(60_000);
    const after = team.map((node) => node.usage());
    const seen = await Promise.all(watchers.map((one) => one.ask("stop")));
    const present = new Set(seen[0].seen.map(([client]) => client)).size;
    context.figure(`${idle} idle, seen at one node`, present);
    context.figure("CPU a minute and node, s", after.map((one, i) => (one.cpuSeconds - before[i].cpuSeconds).toFixed(2)).join(", "));
    context.figure("messages to one client", seen.map((one) => one.messages).join(", "));
    context.figure("memory added, MiB", after.map((one, i) => ((one.peakBytes - base[i].peakBytes) / 2 ** 20).toFixed(1)).join(", "));
  }
}
