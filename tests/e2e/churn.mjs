// A team's days at one bridge, each hour in some seconds: forty people open and leave two hundred
// documents over y-websocket, Hocuspocus, events, streams and REST; type, delete, point, talk and
// comment; lose their connections without a word, outlive their tokens and get others; documents are
// made, thrown away and taken out of the trash. After each hour everybody is gone for a moment: what
// the node, and the peer that replicates it all, hold in memory then must not grow from hour to hour
// by more than what is known to be kept, nor descriptors or threads at all. Every sixth hour a night
// follows, 24 times as long; with --rest 4 documents that nobody uses are unloaded in it. Nights are
// compared with nights. In the end all clients and both nodes have the same content.
//
//   node churn.mjs [--hours H] [--rest S: how long the node is left alone after each hour] [--seed S]

import { readdirSync } from "node:fs";

import * as Y from "yjs";

import { textRoot } from "./lib/client.mjs";
import { EventStream } from "./lib/event_stream.mjs";
import { EventSocket } from "./lib/events.mjs";
import { formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { httpRequest, openWebSocket } from "./lib/raw_socket.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";
import { HocuspocusClient, HocuspocusSocket, PlainClient } from "./lib/stock.mjs";

const number = { type: "string", number: true };
const people = 40;
const documents = Array.from({ length: 200 }, (_, i) => `work/${i}`);
/** At so many documents eight people an hour meet; besides, each has five of all to itself. */
const meetings = 10;
/** Until all documents, caches and the heap are as large as they get. */
const warmUpHours = (hours) => Math.min(5, Math.floor(hours / 2));
const hoursOfADay = 6;
/**
 * What may be kept of a visit, in bytes. While a document is in memory: what Yjs keeps of what was
 * deleted. In nights: who wrote as which Yjs client (node/core/authors.hpp), and the versions that REST
 * told (node/core/history/text_versions.hpp); both have a limit that is not reached here.
 */
const keptMax = { hours: 4096, nights: 2048 };
/** Free memory that the C library gives back or not, in bytes an hour. */
const noise = 128 * 2 ** 10;

/** For clients that are closed by whoever opened them: sooner than the scenario ends. */
const visitOnly = { defer() {} };

/** One person at one document, over each door. */
const visits = {
  async "y-websocket"(at, document, person) {
    const { token } = person;
    const client = new PlainClient(visitOnly, person.name, at.red.bridge, "demo", document, { token, copy: copyOf(person, document) });
    await client.synced();
    await write(at, client);
    if (at.random.next() < 0.3) return cut(at, client, client.provider.ws);
    client.close();
  },

  /** Two documents on one socket, one after the other left. */
  async "Hocuspocus"(at, document, person) {
    const socket = new HocuspocusSocket(visitOnly, at.red.bridge, "?workspace=demo");
    const { token } = person;
    const named = (address, options) => new HocuspocusClient(visitOnly, person.name, socket, address, { token, ...options });
    const client = named(document, { copy: copyOf(person, document) });
    const beside = named(one(at, documents), { sessionAwareness: true });
    await Promise.all([client.synced(), beside.synced()]);
    await write(at, client);
    beside.close();
    await until(`${person.name}'s edits are saved`, () => client.unsaved === 0, { everyMs: 5 }).catch((error) => {
      throw new Error(`${error.message}: unsyncedChanges is ${client.unsaved}, ${client.statuses.length} were told`);
    });
    client.say({ type: "join_session", id: "join", user: { id: person.name, name: person.name } });
    await client.hears("who is there", ({ id }) => id === "join");
    if (at.random.next() < 0.3) await posted(at, { ask: (what) => askOver(client, what) });
    if (at.random.next() < 0.3) cut(at, client, socket.inner.webSocket);
    client.close();
    socket.inner.destroy();
  },

  async "events"(at, document, person) {
    const events = await EventSocket.open(visitOnly, at.red.bridge, at.ids.get(document), { token: person.token });
    check(events.status === 101, `${person.name} to be let in to the events, not ${events.status}`);
    const session = await events.ask({ type: "join_session", user: { id: person.name, name: person.name } });
    check(session.type === "session", `how everything stands, not ${JSON.stringify(session)}`);
    for (let i = 0; i < 10; ++i) {
      events.socket.send(JSON.stringify({ type: "cursor_update", cursor: { index: at.random.below(1000) } }));
      events.socket.send(JSON.stringify({ type: "presence_update", status: one(at, ["active", "idle"]), typing: i % 2 === 0 }));
    }
    if (at.random.next() < 0.3) await posted(at, events);
    await asked(events, { type: "session_update", key: "build", value: { run: at.random.below(1000) } });
    if (at.random.next() < 0.3) events.socket._socket.resetAndDestroy();
    events.close();
  },

  /** Who has nothing but HTTP: reads a stream, says and writes by REST. */
  async "REST"(at, document, person) {
    const base = `/v1/documents/${at.ids.get(document)}`;
    const ask = (...args) => request(at, person.token, ...args);
    const headers = { Authorization: `Bearer ${person.token}` };
    const stream = new EventStream(visitOnly, `${at.red.bridge}${base}/stream?user=${encodeURIComponent(person.name)}`, headers);
    const { session } = await stream.told("stream");
    await ask("POST", `${base}/presence`, JSON.stringify({ session, status: "active", cursor: { index: at.random.below(1000) } }));
    const { text, version } = await ask("GET", `${base}/text`);
    const lines = text.split("\n");
    lines[at.random.below(lines.length)] = `${person.name} was here ${at.random.below(1000)}`;
    if (lines.length < 20) lines.push("and left another line");
    await ask("PUT", `${base}/text?base=${encodeURIComponent(version)}`, lines.join("\n"), "text/plain");
    at.done.edits += 1;
    await ask("GET", `${base}/participants`);
    if (at.random.next() < 0.3) {
      await ask("POST", `${base}/messages`, JSON.stringify({ text: "Who is there?" }));
      at.done.posts += 1;
    }
    stream.close();
  },

  /** A token that ends while its owner is at work, who gets another: asked for it, or by coming again. */
  async "a short token"(at, document, person) {
    const token = await tokenFor(at, person, 5);
    let asked = 0;
    const socket = new HocuspocusSocket(visitOnly, at.red.bridge, "?workspace=demo");
    const stock = new HocuspocusClient(visitOnly, person.name, socket, document, {
      copy: copyOf(person, document),
      token: () => (asked++ === 0 ? token : person.token),
    });
    const plain = new PlainClient(visitOnly, person.name, at.red.bridge, "demo", document, { token });
    // Another window of the same person, which only looks.
    await Promise.all([stock.synced(), plain.synced()]);
    await until("y-websocket is told that its token has expired", () => plain.closes.includes(4401));
    plain.provider.params.token = person.token;
    await until("another token was asked for", () => asked > 1);
    await write(at, stock);
    await until("edits with another token are saved", () => stock.unsaved === 0 && stock.denials.length === 0);
    await plain.online();
    for (const client of [stock, plain]) client.close();
    socket.inner.destroy();
  },
};

/**
 * Each has copies of its documents that stay, as y-indexeddb keeps them: with them the Yjs clients
 * stay the same, of which a document would keep every new one for ever. What a cut connection did not
 * send goes out the next time.
 */
function copyOf(person, document) {
  if (!person.copies.has(document)) person.copies.set(document, new Y.Doc());
  return person.copies.get(document);
}

const one = (at, list) => list[at.random.below(list.length)];

/**
 * Some dozens of edits with the cursor moving along, in a page of the document that now and then is
 * taken away as a whole: of what is deleted in a text that stays something is kept for ever, by Yjs's nature.
 */
async function write(at, { doc, awareness, name }) {
  const { random } = at;
  const pages = doc.getMap("pages");
  if (!pages.has("page") || random.next() < 0.3) pages.set("page", new Y.Text());
  const text = pages.get("page");
  awareness.setLocalStateField("user", { name });
  const edits = 12 + random.below(36);
  let index = random.below(text.length + 1);
  for (let i = 0; i < edits; ++i) {
    index = Math.min(index, text.length);
    if (pages.get("page") !== text) break; // Somebody else began a new one.
    if (text.length > 0 && random.next() < 0.4) {
      index = Math.min(index, text.length - 1);
      text.delete(index, Math.min(1 + random.below(12), text.length - index));
    } else {
      const word = `${one(at, ["node", "mesh", "Schlüssel", "文書", "replica"])}${random.next() < 0.1 ? "\n" : " "}`;
      text.insert(index, word);
      index += word.length;
    }
    awareness.setLocalStateField("cursor", { index });
    if (random.next() < 0.2) index = random.below(text.length + 1);
    await sleep(random.below(3)); // Others come in between.
  }
  at.done.edits += edits;
}

/** The connection is gone without a close frame, at times with a reset. */
function cut(at, client, websocket) {
  client.provider.shouldConnect = false;
  if (at.random.next() < 0.5) websocket._socket?.resetAndDestroy();
  websocket.terminate();
  client.close();
  at.done.cut += 1;
}

async function asked(door, what) {
  const answer = await door.ask(what);
  check(answer.type === "ok", `${JSON.stringify(what)} to be kept, not ${JSON.stringify(answer)}`);
}

function askOver(client, what) {
  const id = `${what.type} ${client.heard.length}`;
  client.say({ ...what, id });
  return client.hears("the answer", (heard) => heard.id === id);
}

async function posted(at, door) {
  await asked(door, { type: "chat_message", text: `Hello at ${at.random.below(24)} o'clock` });
  await asked(door, { type: "code_comment", text: "Is this right?", lines: { first: 1 } });
  at.done.posts += 2;
}

async function request(at, token, method, target, body = "", type = "application/json") {
  const headers = { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": type }) };
  const answer = await httpRequest(at.red.bridgePort, method, target, { headers, body });
  check(answer.status >= 200 && answer.status < 300, `${method} ${target} to succeed, not ${answer.status} ${answer.body}`);
  return answer.body && JSON.parse(answer.body);
}

async function tokenFor(at, person, seconds) {
  const args = { role: "editor", guest: person.name, workspace: "demo", seconds: String(seconds) };
  return (await at.red.call("token.create", args)).token;
}

/** Documents that live for an hour: a new one, and two out of the trash, each with somebody in it when it goes. */
async function shortLived(at) {
  const owner = (await at.red.call("token.create", { role: "host", guest: "owner", workspace: "demo" })).token;
  const ask = (...args) => request(at, owner, ...args);
  const { id } = await ask("POST", "/v1/workspaces/demo/documents", JSON.stringify({ path: `hours/${at.hour}`, text: "short\n" }));
  const old = at.trash.splice(0, 2);
  for (const one of old) await ask("POST", `/v1/documents/${one}/restore`);
  for (const one of [id, ...old]) {
    const { path } = await ask("GET", `/v1/documents/${one}`);
    const client = new PlainClient(visitOnly, "owner", at.red.bridge, "demo", path, { token: owner });
    await client.synced();
    await write(at, client);
    await ask("DELETE", `/v1/documents/${one}`);
    await until("who is in it is told that it is in the trash", () => client.closes.includes(4410));
    client.close();
  }
  at.trash.push(...old, id);
}

async function anHour(at) {
  at.done = { visits: 0, edits: 0, posts: 0, cut: 0 };
  for (const person of at.team) person.token = await tokenFor(at, person, 3600);
  const doors = ["y-websocket", "y-websocket", "Hocuspocus", "Hocuspocus", "events", "REST"];
  // Sockets that never say anything again, not even that they close.
  const silent = [];
  for (let i = 0; i < 3; ++i) silent.push((await openWebSocket(at.red.bridgePort, `/sync/demo/${one(at, documents)}`)).socket);
  await Promise.all([
    shortLived(at),
    ...at.team.map(async (person, i) => {
      const open = documents.filter((_, j) => j % people === i).concat(documents.slice(i % meetings, (i % meetings) + 2));
      shuffle(open, at.random);
      if (i < 3) await visits["a short token"](at, open[0], person);
      for (const document of open) {
        const door = one(at, doors);
        await visits[door](at, document, person).catch((error) => {
          throw new Error(`${person.name} at ${document} over ${door}: ${error.message}`, { cause: error });
        });
        at.done.visits += 1;
      }
    }),
  ]);
  for (const socket of silent) socket.resetAndDestroy();
}

function shuffle(list, random) {
  for (let i = list.length - 1; i > 0; --i) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}

/** What a node holds when everybody has left: the least that it had in memory within `seconds`. */
async function measured(node, seconds) {
  const count = (what) => readdirSync(`/proc/${node.pid}/${what}`).length;
  const metric = async (name) => {
    const { body } = await httpRequest(node.bridgePort, "GET", "/metrics");
    return Number(new RegExp(`^coterie_${name} (\\d+)$`, "m").exec(body)[1]);
  };
  await until(`${node.name} counts nobody in documents`, async () => (await metric("participants")) === 0);
  const before = node.atRest;
  if (before) await until(`${node.name} has ${before.descriptors} descriptors again`, () => count("fd") === before.descriptors);
  let memory = node.ownMemory();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await sleep(100);
    memory = Math.min(memory, node.ownMemory());
  }
  node.atRest = { memory, descriptors: count("fd"), threads: count("task"), open: await metric("documents_open") };
  const { descriptors, threads } = before ?? node.atRest;
  check(node.atRest.descriptors === descriptors, `${node.name} to have ${descriptors} descriptors, not ${node.atRest.descriptors}`);
  check(node.atRest.threads === threads, `${node.name} to have ${threads} threads, not ${node.atRest.threads}`);
  return node.atRest;
}

/** The slope of the straight line that fits points [x, y] best. */
function slopeOf(points) {
  const mean = (at) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const squares = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / squares;
}

/** Everybody's copies, clients of both protocols that know nothing yet, and both nodes. */
async function allAgree(at, nodes) {
  const all = new Map(documents.map((document) => [document, []]));
  for (const half of [documents.slice(0, 100), documents.slice(100)]) {
    const socket = new HocuspocusSocket(at.context, at.red.bridge);
    for (const document of half) {
      const plain = new PlainClient(at.context, "y-websocket", at.red.bridge, "demo", document);
      const stock = new HocuspocusClient(at.context, "Hocuspocus", socket, `demo/${document}`);
      all.get(document).push(plain, stock);
    }
  }
  for (const person of at.team) {
    for (const [document, copy] of person.copies) {
      all.get(document).push(new PlainClient(at.context, person.name, at.red.bridge, "demo", document, { copy }));
    }
  }
  let bytes = 0;
  for (const [document, clients] of all) {
    await Promise.all(clients.map((client) => client.synced()));
    await until(`${document} is the same everywhere`, async () => {
      const docs = clients.map(({ doc }) => doc);
      for (const node of nodes) {
        const doc = new Y.Doc();
        Y.applyUpdate(doc, Buffer.from((await node.call("doc.update", { workspace: "demo", path: document })).update, "hex"));
        docs.push(doc);
      }
      const [first, ...others] = docs.map((doc) => [Y.snapshot(doc), doc.getText(textRoot).toString()]);
      return others.every(([snapshot, text]) => Y.equalSnapshots(snapshot, first[0]) && text === first[1]);
    });
    bytes += Y.encodeStateAsUpdate(clients[0].doc).length;
  }
  return bytes;
}

const columns = (...cells) => cells.map(([value, width]) => String(value).padStart(width)).join("");

await scenario({ hours: number, rest: number }, async (context) => {
  needBinary();
  const { hours = 5, rest = 1 } = context.args;
  check(hours >= 4, "four hours at least: two to warm up, two to compare");
  process.setMaxListeners(0); // Each Hocuspocus socket listens to the end of this process.
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  const [red, green] = nodes;
  await formTeam(nodes);
  const at = { context, random: context.random, red, ids: new Map(), trash: [], team: [] };
  for (let i = 0; i < people; ++i) at.team.push({ name: `person ${i}`, copies: new Map() });
  for (const document of documents) {
    const made = await red.call("doc.create", { workspace: "demo", path: document, text: "A line to begin with.\n" });
    at.ids.set(document, made.id);
  }

  context.log("hour  visits  edits  posts  cut | red KiB open  fds threads | green KiB open  fds threads | seconds");
  const table = [];
  for (at.hour = 1; at.hour <= hours; ++at.hour) {
    const began = performance.now();
    await anHour(at);
    const night = at.hour % hoursOfADay === 0;
    const sizes = await Promise.all(nodes.map((node) => measured(node, rest * (night ? 24 : 1))));
    table.push({ ...at.done, hour: at.hour, night, sizes: sizes.map(({ memory }) => memory) });
    const { visits, edits, posts, cut } = at.done;
    context.log([
      columns([at.hour, 4], [visits, 8], [edits, 7], [posts, 7], [cut, 5]),
      ...sizes.map(({ memory, open, descriptors, threads }) =>
        columns([(memory / 1024).toFixed(0), 8], [open, 5], [descriptors, 5], [threads, 8])),
      columns([((performance.now() - began) / 1000).toFixed(1), 8]) + (night ? " night" : ""),
    ].join(" |"));
  }

  const steady = table.slice(warmUpHours(hours));
  const visitsPerHour = steady.reduce((sum, { visits }) => sum + visits, 0) / steady.length;
  const grown = [];
  for (const [what, some] of [["hours", steady.filter(({ night }) => !night)], ["nights", steady.filter(({ night }) => night)]]) {
    if (some.length < 2) continue;
    const allowed = noise + keptMax[what] * visitsPerHour;
    for (const [i, node] of nodes.entries()) {
      const slope = slopeOf(some.map(({ hour, sizes }) => [hour, sizes[i]]));
      const name = `${node.name}, ${what} ${some[0].hour} to ${some.at(-1).hour}`;
      grown.push({ name, slope, allowed });
      context.figure(name,
        `${(slope / 1024).toFixed(1)} KiB an hour, ${(slope / visitsPerHour).toFixed(0)} bytes a visit; allowed ${(allowed / 1024).toFixed(0)} KiB an hour`);
    }
  }
  const bytes = await allAgree(at, nodes);
  context.log(`${documents.length} documents (${(bytes / 1024).toFixed(0)} KiB as Yjs updates): clients of both protocols and both nodes have the same`);
  for (const node of nodes) node.reportUsage();
  for (const { name, slope, allowed } of grown) {
    check(slope < allowed, `${name}: memory to grow by less than ${allowed} bytes an hour, not ${slope.toFixed(0)}`);
  }
  for (const node of nodes) await node.stop();
});
