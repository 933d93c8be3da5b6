// Stock clients of both protocols on one document, at the bridges of two nodes: each edits anything
// at random, goes offline and comes back, and bridges are killed with -9. In the end there is not one
// difference, and no client waits for anything. Then what "saved" is worth: kill -9 of the node at the
// very moment that a stock client is told so, again and again, and nothing of it is missing.
//
//   node stock_clients.mjs [--seconds S] [--kills N] [--rounds N] [--seed S]

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";

import * as decoding from "lib0/decoding";
import * as Y from "yjs";

import { contentOf, editAnything } from "./lib/any_edit.mjs";
import { holds } from "./lib/client.mjs";
import { formTeam, linked, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, sleep, until, within } from "./lib/scenario.mjs";
import { HocuspocusClient, HocuspocusSocket, PlainClient, trusting } from "./lib/stock.mjs";

const run = promisify(execFile);
const number = { type: "string", number: true };
const board = "mixed/board";
const other = "mixed/other";

/** unsyncedChanges of Hocuspocus. */
const toldByCount = {
  edit: editAnything,
  make: (context, node, document) =>
    new HocuspocusClient(context, "Hocuspocus", new HocuspocusSocket(context, node.bridge), `demo/${document}`),
  killWhenSaved: (client, node) =>
    killOnce(client, node, (die) => {
      let edited = false;
      client.doc.on("update", (_, origin) => (edited ||= origin !== client.provider));
      client.provider.on("unsyncedChanges", ({ number }) => edited && number === 0 && die());
    }),
};

/** The same of what was written offline, which the provider sends one by one when it is back. */
const toldAfterOffline = {
  ...toldByCount,
  async begin(client) {
    await client.socket.offline();
    return () => client.socket.online();
  },
};

/** The echo of one's own edit, which coming providers of y-websocket take for the answer. */
const toldByEcho = {
  /** Only what has an id of its own to be echoed. */
  edit: (doc, random) => doc.getText("monaco").insert(0, `${random.below(1000)} `),
  make: (context, node, document) => new PlainClient(context, "y-websocket", node.bridge, "demo", document),
  killWhenSaved: (client, node) =>
    killOnce(client, node, (die) => {
      const { provider, doc } = client;
      let edited = false;
      const waiting = new Set();
      doc.on("update", (update, origin) => {
        if (origin === provider) return;
        edited = true;
        for (const { id, length } of Y.decodeUpdate(update).structs) waiting.add(`${id.client} ${id.clock + length}`);
      });
      const [messageSync, messageUpdate] = [0, 2];
      const read = provider.messageHandlers[messageSync];
      provider.messageHandlers[messageSync] = (encoder, decoder, ...rest) => {
        const echo = decoding.clone(decoder);
        const isUpdate = decoding.readVarUint(echo) === messageUpdate;
        read(encoder, decoder, ...rest);
        if (!isUpdate) return;
        for (const { id, length } of Y.decodeUpdate(decoding.readVarUint8Array(echo)).structs) {
          for (const one of waiting) {
            const [client, end] = one.split(" ").map(Number);
            if (client === id.client && end <= id.clock + length && end > id.clock) waiting.delete(one);
          }
        }
        if (edited && waiting.size === 0) die();
      };
    }),
};

await scenario({ seconds: number, kills: number, rounds: number }, async (context) => {
  needBinary();
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  await formTeam(nodes);
  await everybodyEdits(context, nodes);
  await presence(context, nodes);
  await events(context, nodes);
  await readOnly(context, nodes);
  await firstSync(context, nodes);
  for (const node of nodes) node.reportUsage();
  for (const node of nodes) await node.stop();
  await savedIsSaved(context);
  await overTls(context);
});

/** Both protocols and every option that changes what a provider sends. */
function crew(context, nodes) {
  const all = [];
  for (const node of nodes) {
    const named = (name) => `${name} at ${node.name}`;
    const plain = (name, document) => new PlainClient(context, named(name), node.bridge, "demo", document);
    const socket = (query) => new HocuspocusSocket(context, node.bridge, query);
    const hocuspocus = (name, on, address, options) => new HocuspocusClient(context, named(name), on, address, options);
    const [both, session, syncing, batching] = [socket(), socket(), socket("?workspace=demo"), socket()];
    all.push(
      { document: board, client: plain("y-websocket", board) },
      { document: board, client: plain("another y-websocket", board) },
      { document: other, client: plain("y-websocket", other) },
      { document: board, client: hocuspocus("one of two documents", both, `demo/${board}`) },
      { document: other, client: hocuspocus("the other of two documents", both, `demo/${other}`) },
      { document: board, client: hocuspocus("a session", session, `demo/${board}`, { sessionAwareness: true }) },
      { document: board, client: hocuspocus("another session", session, `demo/${board}`, { sessionAwareness: true }) },
      { document: other, client: hocuspocus("forceSyncInterval", syncing, other, { forceSyncInterval: 150 }) },
      { document: board, client: hocuspocus("flushDelay", batching, `demo/${board}`, { flushDelay: 30 }) },
    );
  }
  return all;
}

async function everybodyEdits(context, nodes) {
  const { args, random } = context;
  const seconds = args.seconds ?? 12;
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  const kills = random.moments(args.kills ?? 2, 15, 85).map((part) => (part / 100) * seconds);
  const all = crew(context, nodes);
  await Promise.all(all.map(({ client }) => client.synced()));

  const away = new Map(); // Whoever is offline, until when.
  const dead = new Map();
  let [edits, spells, killed] = [0, 0, 0];
  while (passed() < seconds) {
    for (let i = 0; i < 5; ++i, ++edits) editAnything(all[random.below(all.length)].client.doc, random);
    if (random.next() < 0.03) {
      const { client } = all[random.below(all.length)];
      const link = client.socket ?? client;
      if (!away.has(link)) {
        spells += 1;
        away.set(link, passed() + random.next());
        await link.offline();
      }
    }
    for (const [link, end] of away) {
      if (passed() < end) continue;
      away.delete(link);
      void link.online();
    }
    if (kills.length > 0 && passed() > kills[0] && dead.size === 0) {
      kills.shift();
      const node = nodes[random.below(nodes.length)];
      await node.kill9();
      dead.set(node, passed() + random.next());
      killed += 1;
    }
    for (const [node, end] of dead) {
      if (passed() < end) continue;
      dead.delete(node);
      await node.start();
    }
    await sleep(2);
  }
  for (const node of dead.keys()) await node.start();
  for (const link of away.keys()) void link.online();
  await linked(nodes);

  const documents = [board, other];
  await until("all show the same", async () => {
    for (const document of documents) {
      const contents = all.filter((one) => one.document === document).map(({ client }) => contentOf(client.doc));
      if (new Set(contents).size > 1) return false;
    }
    return true;
  }, { timeoutMs: 60_000 }).catch((error) => {
    for (const { document, client } of all) {
      context.log(`  ${client.name}, ${document}: ${hash(contentOf(client.doc))}, unsaved ${client.unsaved}`);
    }
    throw error;
  });
  for (const document of documents) {
    const sample = all.find((one) => one.document === document).client.doc;
    for (const node of nodes) {
      await until(`${node.name} holds the same ${document}`, async () => {
        const doc = await documentOf(node, document);
        return contentOf(doc) === contentOf(sample) && Y.equalSnapshots(Y.snapshot(doc), Y.snapshot(sample));
      });
    }
  }
  const syncing = ({ client }) => client.provider.configuration?.forceSyncInterval;
  for (const one of all.filter(({ client }) => client.unsaved !== undefined)) {
    if (syncing(one)) clearInterval(one.client.provider.intervals.forceSync);
    await until(`${one.client.name} waits for nothing`, () => one.client.unsaved === 0).catch((error) => {
      throw new Error(`${error.message}: unsyncedChanges is ${one.client.unsaved}`);
    });
  }
  const sizes = documents.map((document) => Y.encodeStateAsUpdate(all.find((one) => one.document === document).client.doc).length);
  context.log(
    `${edits} edits by ${all.length} stock clients, ${spells} offline spells, ${killed} kills of a bridge: ` +
    `0 differences between clients and nodes (${sizes.join(" and ")} bytes), no unsynced changes`);
  for (const { client } of all) client.close();
}

const hash = (text) => Array.from(text).reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 0);

/** What a node holds, all of it. */
async function documentOf(node, document) {
  const { update } = await node.call("doc.update", { workspace: "demo", path: document });
  const doc = new Y.Doc();
  Y.applyUpdate(doc, Buffer.from(update, "hex"));
  return doc;
}

/** Cursors reach the clients of the other protocol at the other node, and leave with their owners. */
async function presence(context, [red, green]) {
  const plain = new PlainClient(context, "y-websocket", red.bridge, "demo", board);
  const socket = new HocuspocusSocket(context, green.bridge);
  const stock = new HocuspocusClient(context, "Hocuspocus", socket, `demo/${board}`);
  await Promise.all([plain.synced(), stock.synced()]);
  const seen = (by, whose) => by.awareness.getStates().get(whose.doc.clientID)?.user?.name;
  plain.awareness.setLocalState({ user: { name: "Ada" } });
  stock.awareness.setLocalState({ user: { name: "Alan" } });
  await until("each sees the other", () => seen(stock, plain) === "Ada" && seen(plain, stock) === "Alan");
  for (const [one, sees] of [[stock, plain], [plain, stock]]) {
    const state = one.awareness.getLocalState();
    one.awareness.setLocalState(null);
    // Sooner than presence that is only not renewed: 30 s.
    await until(`${one.name} is shown no more`, () => seen(sees, one) === undefined, { timeoutMs: 10_000 });
    one.awareness.setLocalState(state);
    await until(`${one.name} is shown again`, () => seen(sees, one) === state.user.name, { timeoutMs: 10_000 });
  }
  await socket.offline();
  await until("who went offline is gone", () => seen(plain, stock) === undefined, { timeoutMs: 10_000 });
  await stock.online();
  await until("who came back is seen at once", () => seen(plain, stock) === "Alan", { timeoutMs: 10_000 });
  stock.close();
  await until("a closed document's presence is gone", () => seen(plain, stock) === undefined, { timeoutMs: 10_000 });
  plain.close();
  context.log("presence crosses protocols and nodes: shown, withdrawn, renewed, gone");
}

/** Stateless messages are the events of the document. */
async function events(context, [red, green]) {
  const one = new HocuspocusClient(context, "red's", new HocuspocusSocket(context, red.bridge), `demo/${board}`);
  const two = new HocuspocusClient(context, "green's", new HocuspocusSocket(context, green.bridge), `demo/${board}`);
  await Promise.all([one.synced(), two.synced()]);
  for (const [client, id] of [[one, "ada"], [two, "alan"]]) {
    client.say({ type: "join_session", id: "join", user: { id, name: id } });
    await client.hears("how everything stands", ({ type, id }) => type === "session" && id === "join");
  }
  one.say({ type: "chat_message", id: "chat", text: "Do you hear me?" });
  await one.hears("that it is kept", ({ type, id }) => type === "ok" && id === "chat");
  await two.hears("the message", ({ type, message }) => type === "chat_message" && message.text === "Do you hear me?");
  two.say({ type: "no such thing", id: "odd" });
  await two.hears("an error", ({ type, id }) => type === "error" && id === "odd");
  one.close();
  two.close();
  context.log("stateless messages are the document's events, over both bridges");
}

/** A viewer's edits reach nobody, and it is told of each; as an editor it may go on. */
async function readOnly(context, [red]) {
  const tokenFor = async (role) => (await red.call("token.create", { role, guest: "guest", workspace: "demo" })).token;
  const owner = new PlainClient(context, "the owner", red.bridge, "demo", board);
  await owner.synced();
  const before = contentOf(owner.doc);
  const viewer = new HocuspocusClient(context, "a viewer", new HocuspocusSocket(context, red.bridge, "?workspace=demo"), board, {
    token: await tokenFor("viewer"),
  });
  await viewer.synced();
  check(viewer.scopes.join() === "readonly", `a viewer's scope to be readonly, not ${viewer.scopes}`);
  await until("it waits for nothing yet", () => viewer.unsaved === 0);
  viewer.doc.getText("monaco").insert(0, "not mine to say");
  viewer.awareness.setLocalState({ user: { name: "Viewer" } });
  await until("a viewer's cursor is shown", () => owner.awareness.getStates().has(viewer.doc.clientID));
  check(contentOf(owner.doc) === before, "a viewer's edit to reach nobody");
  check(viewer.unsaved === 1, `a viewer to be shown one change that is not saved, not ${viewer.unsaved}`);

  const plain = new PlainClient(context, "a viewer of y-websocket", red.bridge, "demo", board, { token: await tokenFor("viewer") });
  await plain.synced();
  plain.doc.getText("monaco").insert(0, "nor mine");
  await until("it is told why", () => plain.refusals.length > 0);
  plain.doc.getText("monaco").insert(0, "nor this");
  await until("it is told each time", () => plain.refusals.length > 1);
  check(plain.provider.wsconnected, "a viewer to stay connected");
  check(contentOf(owner.doc) === before, "a viewer's edits to reach nobody");
  owner.doc.getText("monaco").insert(0, "hello");
  await until("viewers see what others write", () =>
    [viewer, plain].every((one) => one.doc.getText("monaco").toString().includes("hello")));

  viewer.provider.configuration.token = await tokenFor("editor");
  await viewer.provider.sendToken();
  await until("its scope is another", () => viewer.scopes.at(-1) === "read-write");
  await until("what it wrote as a viewer is taken", () => owner.doc.getText("monaco").toString().includes("not mine to say"));
  await until("and counts as saved", () => viewer.unsaved === 0);
  for (const one of [owner, viewer, plain]) one.close();
  context.log("a viewer reads, shows its cursor and is told of each refusal; with a better token it goes on");
}

/** A large document: complete when a provider says so, and on its way in parts that keep it awake. */
async function firstSync(context, [red, green]) {
  const writer = new PlainClient(context, "the writer", red.bridge, "demo", "mixed/large");
  await writer.synced();
  const text = writer.doc.getText("monaco");
  for (let i = 0; i < 40; ++i) text.insert(context.random.below(text.length + 1), `${i} lorem ipsum `.repeat(6000));
  text.delete(1000, 50_000);
  const wanted = text.toString();
  await until("it is at the other node", async () => (await green.text("demo", "mixed/large")) === wanted, { timeoutMs: 60_000 });
  let parts = 0;
  for (const node of [red, green]) {
    const newcomers = [
      new PlainClient(context, "y-websocket", node.bridge, "demo", "mixed/large"),
      new HocuspocusClient(context, "Hocuspocus", new HocuspocusSocket(context, node.bridge), "demo/mixed/large"),
    ];
    // Of both before either is waited for: any of them may be the first.
    const complete = newcomers.map((one) => {
      one.doc.on("update", () => (parts += 1));
      return new Promise((resolve) =>
        one.provider.on("synced", () => resolve(one.doc.getText("monaco").toString() === wanted)));
    });
    for (const [i, one] of newcomers.entries()) {
      const whole = await within(`${one.name} says that it is synced`, complete[i]);
      check(whole, `${one.name} to have all of the document when it says that it is synced`);
      one.close();
    }
  }
  check(parts > 4, "a large document to come in parts");
  writer.close();
  context.log(`${(wanted.length / 1e6).toFixed(1)} million characters come in ${(parts / 4).toFixed(0)} parts; "synced" means all of them`);
}

/** wss, a token needed: as a team's bridge would be. The certificate is renewed under open connections. */
async function overTls(context) {
  const node = new Node(context, "tls");
  await node.init();
  const [key, certificate] = ["key.pem", "cert.pem"].map((name) => path.join(context.directory, name));
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const renew = () =>
    run("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", ...subject, "-keyout", key, "-out", certificate]);
  await renew();
  node.runArguments = ["--bridge-cert", certificate, "--bridge-key", key, "--bridge-require-token"];
  await node.start();
  await node.cli("workspace", "create", "demo");
  const { token } = await node.call("token.create", { role: "editor", guest: "guest", workspace: "demo" });
  const bridge = `https://localhost:${node.bridgePort}`;
  const pair = async (ca) => {
    const plain = new PlainClient(context, "y-websocket", bridge, "demo", board, { token, socket: trusting(ca) });
    const socket = new HocuspocusSocket(context, bridge, "?workspace=demo", trusting(ca));
    const stock = new HocuspocusClient(context, "Hocuspocus", socket, board, { token });
    await Promise.all([plain.synced(), stock.synced()]);
    return [plain, stock];
  };
  const before = await pair(await readFile(certificate));
  await renew();
  process.kill(node.pid, "SIGHUP");
  const renewed = await readFile(certificate);
  await until("new connections get the new certificate", () => servedBy(node.bridgePort, renewed));
  const clients = [...before, ...(await pair(renewed))];
  for (let i = 0; i < 200; ++i) {
    editAnything(clients[i % clients.length].doc, context.random);
    await sleep(1);
  }
  await until("all show the same", () => new Set(clients.map(({ doc }) => contentOf(doc))).size === 1);
  const stranger = new PlainClient(context, "a stranger", bridge, "demo", board, { socket: trusting(renewed) });
  await until("who has no token is refused", () => stranger.status === 401);
  check(before[0].closes.length === 0, "open connections to outlive their certificate");
  for (const one of [...clients, stranger]) one.close();
  await node.stop();
  context.log("over TLS, with tokens needed: 0 differences; the certificate was renewed meanwhile");
}

/** Whether who connects now is shown this certificate. */
function servedBy(port, certificate) {
  return new Promise((resolve) => {
    const socket = tls.connect({ port, host: "localhost", ca: certificate }, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });
}

/** kill -9 at the moment a client is told that all is saved; then somebody who knows nothing looks. */
async function savedIsSaved(context) {
  const node = new Node(context, "blue");
  await node.init();
  await node.start();
  await node.cli("workspace", "create", "demo");
  const rounds = context.args.rounds ?? 6;
  let [edits, kills] = [0, 0];
  for (let round = 0; round < rounds; ++round) {
    for (const told of [toldByCount, toldByEcho, toldAfterOffline]) {
      const document = `saved/${round}`;
      const client = told.make(context, node, document);
      await client.synced();
      const count = 1 + context.random.below(60);
      const end = await told.begin?.(client);
      const dead = told.killWhenSaved(client, node);
      for (let i = 0; i < count; ++i) {
        told.edit(client.doc, context.random);
        if (context.random.next() < 0.3) await sleep(context.random.below(4));
        if (dead.begun) break;
      }
      void end?.();
      const promised = Y.encodeStateAsUpdate(await within(`${client.name} is told that all is saved`, dead.promised));
      edits += count;
      kills += 1;
      await dead.killed;
      client.close();
      await node.start();
      const stranger = new PlainClient(context, "a stranger", node.bridge, "demo", document);
      await stranger.synced();
      const before = new Y.Doc();
      Y.applyUpdate(before, promised);
      check(holds(stranger.doc, before), `all that ${client.name} was told to be saved to survive kill -9`);
      stranger.close();
    }
  }
  context.log(`${kills} times kill -9 when a client was told that its edits are saved (${edits} edits): nothing was lost`);
  await node.stop();
}

/** A promise of what was promised, and of the death. `watch(die)` calls die() at the moment. */
function killOnce(client, node, watch) {
  const result = { begun: false };
  result.promised = new Promise((resolve) => {
    result.killed = new Promise((killed) => {
      watch(() => {
        if (result.begun) return;
        result.begun = true;
        const copy = new Y.Doc();
        Y.applyUpdate(copy, Y.encodeStateAsUpdate(client.doc));
        void node.kill9().then(killed);
        resolve(copy);
      });
    });
  });
  return result;
}
