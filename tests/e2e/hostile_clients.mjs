// Programs that mean harm at every door of a bridge: random and oversized frames, messages that
// unpack to a thousand times their size, sockets that say nothing, little, or never listen, thousands
// of connections, tokens that are forged, expired or signed by nobody, foreign pages, presence in
// somebody else's name. Each gets the right close code or status, the node's memory stays bounded, and
// two honest people at two bridges type through all of it and see each other's letters.
//
//   node hostile_clients.mjs [--only ATTACK] [--seconds S: of each flood] [--attempts N] [--seed S]

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import net from "node:net";
import { deflateRawSync } from "node:zlib";

import * as encoding from "lib0/encoding";
import { WebSocket } from "ws";
import * as Y from "yjs";

import { EventSocket } from "./lib/events.mjs";
import { formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { frame, httpRequest, openWebSocket } from "./lib/raw_socket.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";
import { HocuspocusClient, HocuspocusSocket, PlainClient, websocketOf } from "./lib/stock.mjs";
import { quantiles } from "./lib/keys.mjs";

const number = { type: "string", number: true };
const document = "notes/honest";
const room = `/sync/demo/${document}`;
const messageBytesMax = 16 * 2 ** 20;
const eventBytesMax = 512 * 2 ** 10;
/** What all attacks together may cost, over what the node had before. */
const memoryMax = 400 * 2 ** 20;

/** One protocol message: writers in order. */
function message(...writers) {
  const encoder = encoding.createEncoder();
  for (const write of writers) write(encoder);
  return Buffer.from(encoding.toUint8Array(encoder));
}
const uint = (value) => (encoder) => encoding.writeVarUint(encoder, value);
const string = (value) => (encoder) => encoding.writeVarString(encoder, value);
const bytes = (value) => (encoder) => encoding.writeVarUint8Array(encoder, value);
const framed = (...writers) => bytes(message(...writers));

/** A WebSocket that is let in; `closed` resolves to its close code. */
function connect(at, target, { token, ...options } = {}) {
  const query = token === undefined ? "" : `${target.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
  const socket = new WebSocket(websocketOf(at.red.bridge) + target + query, { perMessageDeflate: false, ...options });
  socket.received = [];
  socket.on("message", (data) => socket.received.push(data));
  socket.on("error", () => {});
  socket.closed = new Promise((resolve) => socket.once("close", resolve));
  at.context.defer(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("unexpected-response", (_request, response) => reject(new Error(`refused with ${response.statusCode}`)));
  });
}

/** The status of an upgrade, 101 if it was let in. */
async function upgrade(at, target, headers) {
  const { status, socket } = await openWebSocket(at.red.bridgePort, target, headers);
  socket.destroy();
  return status;
}

async function closesWith(what, socket, ...codes) {
  const code = await Promise.race([socket.closed, sleep(20_000).then(() => "nothing")]);
  check(codes.includes(code), `${what} to be closed with ${codes.join(" or ")}, not ${code}`);
}

const attacks = {
  async "random frames"(at) {
    const { random } = at;
    const targets = [room, "/hocuspocus", `/v1/documents/${at.id}/events`];
    const deadline = performance.now() + at.seconds * 1000;
    let count = 0;
    while (performance.now() < deadline) {
      const batch = Array.from({ length: 20 }, async () => {
        const target = targets[random.below(targets.length)];
        const { status, socket } = await openWebSocket(at.red.bridgePort, target);
        check(status === 101, `a WebSocket at ${target}, not ${status}`);
        for (let i = random.below(5); i >= 0; --i) {
          const payload = Buffer.from(random.bytes(random.below(200)));
          const wild = random.next();
          if (wild < 0.3) socket.write(payload); // Not even frames.
          else if (wild < 0.5) socket.write(frame(payload, { opcode: random.below(16), final: random.next() < 0.5, reserved: random.below(8) }));
          else socket.write(frame(payload, { opcode: target.endsWith("events") ? 1 : 2 }));
        }
        socket.end();
        count += 1;
      });
      await Promise.all(batch);
    }
    return `${count} connections`;
  },

  async "oversized messages"(at) {
    const sized = async (target, size, options) => {
      const socket = await connect(at, target);
      socket.send(Buffer.alloc(size), options);
      return socket;
    };
    for (const target of [room, "/hocuspocus"]) {
      await closesWith(`a message past the limit to ${target}`, await sized(target, messageBytesMax + 1, { binary: true }), 1009);
      // As large as allowed: malformed, but not too large.
      await closesWith(`a message at the limit to ${target}`, await sized(target, messageBytesMax, { binary: true }), 4400, 4205);
    }
    const events = `/v1/documents/${at.id}/events`;
    await closesWith("an event past the limit", await sized(events, eventBytesMax + 1, { binary: false }), 1009);
    // In parts, each small.
    const parts = await connect(at, room);
    for (let sent = 0; sent <= messageBytesMax && parts.readyState === WebSocket.OPEN; sent += 2 ** 20) {
      parts.send(Buffer.alloc(2 ** 20), { fin: false, binary: true });
    }
    await closesWith("too much in parts", parts, 1009);
    // Begun by many, finished by nobody.
    const begun = await Promise.all(Array.from({ length: 40 }, () => connect(at, room)));
    for (const socket of begun) socket.send(Buffer.alloc(messageBytesMax - 1), { fin: false, binary: true });
    const codes = await Promise.all(begun.map((socket) => Promise.race([socket.closed, sleep(3000)])));
    for (const socket of begun) socket.terminate();
    const shed = codes.filter((code) => code === 1013).length;
    check(shed > 0, "some of 40 unfinished messages of 16 MiB to be shed with 1013");
    check(codes.every((code) => code === undefined || code === 1013), `no other close code than 1013, not ${codes}`);
    return `past 16 MiB 1009; of 40 unfinished messages of 16 MiB ${shed} shed with 1013`;
  },

  /** A compressed message of some kilobytes that unpacks to gigabytes. */
  async "compressed bombs"(at) {
    const { bomb } = at;
    const offer = { "Sec-WebSocket-Extensions": "permessage-deflate; client_no_context_takeover" };
    const reserved = 4;
    for (const target of [room, "/hocuspocus", `/v1/documents/${at.id}/events`]) {
      const opcode = target.endsWith("events") ? 1 : 2;
      const sockets = await Promise.all(Array.from({ length: 10 }, () => openWebSocket(at.red.bridgePort, target, offer)));
      for (const { status, socket } of sockets) {
        check(status === 101, `an offer of compression to be let in, not ${status}`);
        socket.write(frame(bomb, { opcode, reserved }));
      }
      const all = Promise.all(sockets.map(({ closed }) => closed));
      await Promise.race([all, sleep(20_000).then(() => Promise.reject(new Error("a bomb was taken")))]);
    }
    const stock = await connect(at, room, { perMessageDeflate: { threshold: 0 } });
    stock.send(Buffer.alloc(messageBytesMax + 1), { compress: true });
    await closesWith("a compressed message past the limit", stock, 1009);
    // Compression without having been agreed upon, and rubbish for compressed bytes.
    for (const [headers, payload] of [[{}, bomb.subarray(0, 100)], [offer, Buffer.from(at.random.bytes(100))]]) {
      const { socket, closed } = await openWebSocket(at.red.bridgePort, room, headers);
      socket.write(frame(payload, { reserved }));
      await Promise.race([closed, sleep(20_000).then(() => Promise.reject(new Error("it was taken")))]);
    }
    return `30 messages of ${(bomb.length / 1024).toFixed(0)} KiB that unpack to 256 MiB`;
  },

  async "connection attempts"(at) {
    let [tried, opened, refused] = [0, 0, 0];
    const attempts = at.context.args.attempts ?? 10_000;
    const one = async () => {
      while (tried < attempts) {
        tried += 1;
        const kind = tried % 4;
        if (kind === 0) {
          // Gone before it is answered.
          await new Promise((resolve) => {
            const socket = net.connect(at.red.bridgePort, "127.0.0.1", () => {
              socket.write("GET /sync/demo/x HTTP/1.1\r\nHost: ");
              socket.destroy();
            });
            socket.on("error", resolve).on("close", resolve);
          });
          continue;
        }
        const { status, socket } = await openWebSocket(at.red.bridgePort, kind === 1 ? "/hocuspocus" : room).catch(() => ({ status: 0 }));
        if (status === 101) opened += 1;
        else refused += 1;
        check([0, 101, 429, 503].includes(status), `an attempt to be let in or told to come later, not ${status}`);
        if (kind === 2) socket?.destroy();
        else socket?.end(frame(Buffer.alloc(2), { opcode: 8 }));
      }
    };
    await Promise.all(Array.from({ length: 200 }, one));
    return `${tried} attempts: ${opened} let in, ${refused} refused, the others hung up first`;
  },

  async "forged tokens"(at) {
    const { token } = await at.red.call("token.create", { role: "editor", guest: "guest", workspace: "demo" });
    const [head, body, signature] = token.split(".");
    const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
    const claims = JSON.parse(Buffer.from(body, "base64url"));
    const header = JSON.parse(Buffer.from(head, "base64url"));
    const device = (await at.red.json("status")).device;
    const hs256 = (key) => {
      const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, role: "host" })}`;
      return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
    };
    const other = new Node(at.context, "other");
    await other.init();
    await other.start();
    await other.cli("workspace", "create", "demo");
    const foreign = (await other.call("token.create", { role: "host" })).token;
    await other.stop();
    const tokens = {
      "of another device": foreign,
      "with a higher role": `${head}.${part({ ...claims, role: "host" })}.${signature}`,
      "of another guest": `${head}.${part({ ...claims, sub: "" })}.${signature}`,
      "that lasts longer": `${head}.${part({ ...claims, exp: claims.exp + 1 })}.${signature}`,
      "with alg none": `${part({ ...header, alg: "none" })}.${body}.`,
      "with alg None and the old signature": `${part({ ...header, alg: "None" })}.${body}.${signature}`,
      "without an alg": `${part({ typ: "JWT" })}.${body}.${signature}`,
      "signed with the public key as a secret": hs256(Buffer.from(device, "hex")),
      "signed with the public key's text as a secret": hs256(device),
      "signed with an empty secret": hs256(""),
      "without a signature": `${head}.${body}.`,
      "with half a signature": `${head}.${body}.${signature.slice(0, 43)}`,
      "with zeros for a signature": `${head}.${body}.${Buffer.alloc(64).toString("base64url")}`,
      "in two parts": `${head}.${body}`,
      "in four parts": `${token}.${signature}`,
      "of dots": "..",
      "of nothing that is base64": "*.*.*",
      "of 4 KiB more": `${head}.${part({ ...claims, name: "x".repeat(4096) })}.${signature}`,
      "nested deep": `${head}.${Buffer.from(`${"[".repeat(1500)}`).toString("base64url")}.${signature}`,
    };
    for (const [what, wrong] of Object.entries(tokens)) {
      const query = `?token=${encodeURIComponent(wrong)}`;
      for (const target of [room, `/v1/documents/${at.id}/events`]) {
        const status = await upgrade(at, target + query);
        check([400, 401].includes(status), `a token ${what} at ${target} to be answered with 401, not ${status}`);
      }
      const headers = { Authorization: `Bearer ${wrong}` };
      const status = await upgrade(at, room, headers);
      check([400, 401, 431].includes(status), `a token ${what} as a header to be answered with 401, not ${status}`);
      const rest = await httpRequest(at.red.bridgePort, "GET", "/v1/workspaces/demo/documents", { headers });
      check([400, 401, 431].includes(rest.status), `a token ${what} at REST to be answered with 401, not ${rest.status}`);
      const socket = await connect(at, "/hocuspocus");
      socket.send(message(string(`demo/${document}`), uint(2), uint(0), string(wrong)));
      await until("it is answered", () => socket.received.length > 0, { everyMs: 2 });
      check(socket.received[0].includes(Buffer.from([2, 1])), `a token ${what} to be denied by Hocuspocus`);
      socket.terminate();
    }
    check((await upgrade(at, `${room}?token=${token}`)) === 101, "the right token to be let in");
    return `${Object.keys(tokens).length} kinds, at four doors`;
  },

  async "expired tokens"(at) {
    const guest = "late";
    const make = async (seconds) => (await at.red.call("token.create", { role: "editor", guest, workspace: "demo", seconds: String(seconds) })).token;
    const token = await make(2);
    const plain = new PlainClient(at.context, "y-websocket", at.red.bridge, "demo", document, { token });
    const socket = new HocuspocusSocket(at.context, at.red.bridge, "?workspace=demo");
    const silent = new HocuspocusClient(at.context, "Hocuspocus", socket, document, { token });
    let asked = 0;
    const renewing = new HocuspocusClient(at.context, "a renewing one", new HocuspocusSocket(at.context, at.red.bridge, "?workspace=demo"), document, {
      token: async () => (asked++ === 0 ? token : make(3600)),
    });
    const events = await EventSocket.open(at.context, at.red.bridge, at.id, { token });
    await Promise.all([plain, silent, renewing].map((one) => one.synced()));
    await until("y-websocket is told that its token has expired", () => plain.closes.includes(4401));
    await until("so are events", () => events.closeCode === 4401);
    await until("Hocuspocus is denied", () => silent.denials.length > 0);
    await until("another token was asked for", () => asked > 1);
    renewing.doc.getText("elsewhere").insert(0, "still here");
    await until("who renewed goes on", () => renewing.unsaved === 0 && renewing.denials.length === 0);
    for (const target of [room, `/v1/documents/${at.id}/events`]) {
      const status = await upgrade(at, `${target}?token=${token}`);
      check(status === 401, `an expired token at ${target} to be answered with 401, not ${status}`);
    }
    for (const one of [plain, silent, renewing]) one.close();
    events.close();
    return "closed with 4401, denied, renewed";
  },

  async "foreign pages"(at) {
    const targets = [room, "/hocuspocus", `/v1/documents/${at.id}/events`];
    const get = (target, headers) => httpRequest(at.red.bridgePort, "GET", target, { headers }).then(({ status }) => status);
    for (const origin of ["https://evil.example", "http://127.0.0.1:1", "http://localhost.evil.example", "null", "file://"]) {
      for (const target of targets) {
        const status = await upgrade(at, target, { Origin: origin });
        check(status === 403, `${origin} at ${target} to be answered with 403, not ${status}`);
      }
    }
    for (const host of ["evil.example", `evil.example:${at.red.bridgePort}`, `127.0.0.1.evil.example:${at.red.bridgePort}`]) {
      for (const target of targets) {
        const status = await upgrade(at, target, { Host: host });
        check([403, 421].includes(status), `host ${host} at ${target} to be answered with 403, not ${status}`);
      }
      for (const target of ["/", "/v1/status", "/v1/openapi.json"]) {
        const status = await get(target, { Host: host });
        check([403, 421].includes(status), `host ${host} at ${target} to be answered with 403, not ${status}`);
      }
    }
    return "403 each time";
  },

  /** Presence in the name of somebody else's client, at the same bridge and at another. */
  async "stolen presence"(at) {
    const path = "notes/presence";
    const tokenAt = async (node, guest) => (await node.call("token.create", { role: "editor", guest, workspace: "demo" })).token;
    const ada = new PlainClient(at.context, "Ada", at.red.bridge, "demo", path, { token: await tokenAt(at.red, "ada") });
    const readers = [at.red, at.green].map((node) => new PlainClient(at.context, node.name, node.bridge, "demo", path));
    await Promise.all([ada, ...readers].map((one) => one.synced()));
    const shown = (reader) => reader.awareness.getStates().get(ada.doc.clientID)?.user?.name;
    ada.awareness.setLocalState({ user: { name: "Ada" } });
    await until("Ada is seen", () => readers.every((reader) => shown(reader) === "Ada"));
    const seen = new Set();
    // A liar at another member's bridge is heard there for as long as it is connected.
    readers[0].awareness.on("change", () => seen.add(String(shown(readers[0]))));
    const lie = (client, clock, state) => framed(uint(1), uint(client), uint(clock), string(JSON.stringify(state)));
    let liar = 100;
    for (const node of [at.red, at.green]) {
      const token = await tokenAt(node, "mallory");
      const plain = await connect({ ...at, red: node }, `/sync/demo/${path}`, { token });
      const stock = await connect({ ...at, red: node }, "/hocuspocus?workspace=demo", { token });
      stock.send(message(string(path), uint(2), uint(0), string(token)));
      await until("it is let in", () => stock.received.length > 0);
      const own = [++liar, ++liar];
      const all = own.map((id) => [id, 1, { user: { name: "a liar" } }]);
      for (const clock of [2, 1000, 2 ** 31, 2 ** 32 - 1, Date.now() + 1e9]) {
        for (const state of [{ user: { name: "Mallory" } }, null]) all.unshift([ada.doc.clientID, clock, state]);
      }
      // What the liars show of themselves comes after their lies.
      for (const [client, clock, state] of all) {
        if (client !== own[1]) plain.send(message(uint(1), lie(client, clock, state)));
        if (client !== own[0]) stock.send(message(string(path), uint(1), lie(client, clock, state)));
      }
      const liars = (there) => readers.every(({ awareness }) => own.every((id) => awareness.getStates().has(id) === there));
      await until("the liars are seen", () => liars(true));
      plain.terminate();
      stock.terminate();
      await until("they are gone", () => liars(false));
      check(readers.every((reader) => shown(reader) === "Ada"), `Ada to be seen after lies at ${node.name}, not ${readers.map(shown)}`);
    }
    seen.delete("Ada");
    check(seen.size === 0, `Ada to be Ada all the time, not ${Array.from(seen)}`);
    for (const one of [ada, ...readers]) one.close();
    return "nobody is taken away, or shown under the id of another at the same bridge";
  },

  async "Hocuspocus rubbish"(at) {
    const address = `demo/${document}`;
    const told = async (what, data, code, { authenticated = true, binary = true } = {}) => {
      const socket = await connect(at, "/hocuspocus");
      if (authenticated) socket.send(message(string(address), uint(2), uint(0), string("")));
      socket.send(data, { binary });
      await closesWith(what, socket, code);
    };
    const to = (...writers) => message(string(address), ...writers);
    await told("an unknown type", to(uint(42)), 4205);
    await told("BroadcastStateless", to(uint(6), string("hello all")), 4403);
    await told("SyncStatus of a client", to(uint(8), uint(1)), 4403);
    await told("a message without an address", Buffer.alloc(0), 4205);
    await told("an address without end", Buffer.from([255, 255, 255, 255, 15]), 4205);
    await told("an address past the limit", message(string("d".repeat(1601)), uint(2), uint(0), string("")), 4205, { authenticated: false });
    await told("a token without end", to(uint(2), uint(0), uint(2 ** 40)), 4205, { authenticated: false });
    await told("stateless past the limit", to(uint(5), string("x".repeat(512 * 1024 + 1))), 4205);
    await told("a text message", "hello", 1003, { binary: false });

    // What is said of a document before its token, or of none, does nothing.
    const early = await connect(at, "/hocuspocus");
    for (let i = 0; i < 1000; ++i) early.send(to(uint(0), uint(0), bytes(Y.encodeStateVector(new Map()))));
    early.send(message(uint(9)));
    await until("the ping is answered", () => early.received.length > 0);
    check(early.received.length === 1 && early.received[0].equals(Buffer.from([10])), "nothing to be told before the token");
    early.terminate();

    const many = await connect(at, "/hocuspocus");
    for (let i = 0; i <= 100; ++i) many.send(message(string(`demo/many/${i}`), uint(2), uint(0), string("")));
    await until("101 documents are answered", () => answers(many).length === 101);
    check(answers(many).filter((kind) => kind === "denied").length === 1, "one of 101 documents on a socket to be denied");
    // Detached, there is room for another.
    many.send(message(string("demo/many/0"), uint(7), string("")));
    many.send(message(string("demo/many/100"), uint(2), uint(0), string("")));
    await until("there is room again", () => answers(many).length === 102 && answers(many).at(-1) === "authenticated");
    many.terminate();

    // Who it is, again and again.
    const again = await connect(at, "/hocuspocus");
    for (let i = 0; i < 5000; ++i) again.send(to(uint(2), uint(0), string(i % 2 ? "" : "rubbish")));
    again.send(message(uint(9)));
    await until("all is answered", () => again.received.some((one) => one.equals(Buffer.from([10]))));
    again.terminate();
    const { random } = at;
    for (let i = 0; i < 300; ++i) {
      const socket = await connect(at, "/hocuspocus");
      socket.send(to(uint(2), uint(0), string("")));
      for (let j = 0; j < 5; ++j) socket.send(to(uint(random.below(11)), (encoder) => encoding.writeUint8Array(encoder, random.bytes(random.below(40)))));
      socket.close();
      await socket.closed;
    }
    return "4205, 4403, 1003, denied";
  },

  /** Asks for a large document again and again, and never reads. */
  async "greedy readers"(at) {
    const big = new PlainClient(at.context, "the writer", at.red.bridge, "demo", "notes/big");
    await big.synced();
    for (let i = 0; i < 40; ++i) big.doc.getText("monaco").insert(0, "lorem ipsum ".repeat(5000));
    await until("it is there", async () => (await at.red.text("demo", "notes/big")).length === 40 * 60_000);
    big.close();
    const step1 = [uint(0), uint(0), bytes(Y.encodeStateVector(new Map()))];
    const auth = message(string("demo/notes/big"), uint(2), uint(0), string(""));
    const sockets = [];
    for (let i = 0; i < 20; ++i) {
      const hocuspocus = i % 2 === 1;
      const { socket, status } = await openWebSocket(at.red.bridgePort, hocuspocus ? "/hocuspocus" : "/sync/demo/notes/big");
      check(status === 101, `a reader to be let in, not ${status}`);
      socket.pause();
      if (hocuspocus) socket.write(frame(auth));
      const ask = frame(hocuspocus ? message(string("demo/notes/big"), ...step1) : message(...step1));
      for (let j = 0; j < 500; ++j) socket.write(ask);
      sockets.push(socket);
    }
    await sleep(at.seconds * 1000);
    for (const socket of sockets) socket.destroy();
    return "20 readers asked 500 times each for 2.4 MB";
  },

  /** Documents attached and left, presence shown and withdrawn, thousands of times on few sockets. */
  async "coming and going"(at) {
    const sizes = [];
    const rounds = 4;
    for (let round = 0; round < rounds; ++round) {
      const sockets = await Promise.all(Array.from({ length: 4 }, () => connect(at, "/hocuspocus")));
      for (let i = 0; i < 500; ++i) {
        for (const [j, socket] of sockets.entries()) {
          const address = string(`demo/churn/${i % 40}\0session ${j}`);
          socket.send(message(address, uint(2), uint(0), string("")));
          socket.send(message(address, uint(0), uint(0), bytes(Y.encodeStateVector(new Map()))));
          socket.send(message(address, uint(1), framed(uint(1), uint(1000 + j), uint(2 + i), string(`{"i":${i}}`))));
          socket.send(message(address, uint(5), string(JSON.stringify({ type: "join_session", user: { name: "x" } }))));
          socket.send(message(address, uint(7), string("")));
        }
        if (i % 50 === 49) await Promise.all(sockets.map((socket) => answered(socket)));
      }
      for (const socket of sockets) socket.terminate();
      sizes.push(residentOf(at.red));
    }
    const growth = sizes.at(-1) - sizes[0];
    check(growth < 8 * 2 ** 20, `memory to stay the same from round to round, not ${sizes.map((one) => Math.round(one / 2 ** 20))} MiB`);
    return `${rounds * 2000} times a document attached and left; memory grew by ${(growth / 2 ** 20).toFixed(1)} MiB after the first round`;
  },

  /** Presence, edits and talk, as fast as they go out. */
  async "floods"(at) {
    const deadline = performance.now() + at.seconds * 1000;
    const guest = new Y.Doc();
    const edits = [];
    guest.on("update", (update) => edits.push(update));
    for (let i = 0; i < 500; ++i) guest.getText("flood").insert(0, "x");
    const [presence, editing, talking] = await Promise.all([
      connect(at, room), connect(at, "/sync/demo/notes/flood"), connect(at, `/v1/documents/${at.id}/events`)]);
    let clock = 1;
    let [states, updates, posts] = [0, 0, 0];
    talking.send(JSON.stringify({ type: "join_session", user: { id: "flood", name: "flood" } }));
    while (performance.now() < deadline) {
      for (let i = 0; i < 200; ++i, ++states) {
        presence.send(message(uint(1), bytes(message(uint(1), uint(333), uint(clock++), string(JSON.stringify({ i: states }))))));
        editing.send(message(uint(0), uint(2), bytes(edits[updates++ % edits.length])));
        talking.send(JSON.stringify({ type: "chat_message", text: `flood ${posts++}` }));
      }
      await sleep(5);
    }
    await until("talk above the limit is refused", () =>
      talking.received.some((text) => JSON.parse(text).code === "RATE_LIMITED"));
    for (const socket of [presence, editing, talking]) socket.terminate();
    return `${states} states, ${updates} edits, ${posts} messages`;
  },
};

/** Resolves once all that was said before is dealt with. */
async function answered(socket) {
  socket.received = [];
  socket.send(message(uint(9)));
  await until("the ping is answered", () => socket.received.some((one) => one.length === 1 && one[0] === 10), { everyMs: 2 });
}

/** What was said to Auth messages, in order. */
function answers(socket) {
  const all = [];
  for (const data of socket.received) {
    const at = 1 + data[0]; // Addresses here are shorter than 128 bytes.
    if (data.length > at + 1 && data[at] === 2 && data[at + 1] === 1) all.push("denied");
    if (data.length > at + 1 && data[at] === 2 && data[at + 1] === 2) all.push("authenticated");
  }
  return all;
}

/** Sockets that are opened now, and must have been closed when it is called. */
async function holdSockets(at) {
  const port = at.red.bridgePort;
  const ways = {
    "say nothing": () => {},
    "say a byte now and then": (socket) => {
      const said = `GET /sync/demo/x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${"X-Slow: y\r\n".repeat(1000)}`;
      let next = 0;
      const timer = setInterval(() => socket.write(said[next++]), 200);
      socket.on("close", () => clearInterval(timer));
    },
    "send half a request": (socket) =>
      socket.write(`POST /v1/workspaces/demo/documents HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`),
  };
  const open = Object.keys(ways).map(() => 0);
  for (const [i, way] of Object.values(ways).entries()) {
    for (let j = 0; j < 30; ++j) {
      const socket = net.connect(port, "127.0.0.1", () => way(socket));
      open[i] += 1;
      socket.on("error", () => {});
      socket.on("data", () => {});
      socket.on("end", () => socket.end());
      socket.on("close", () => (open[i] -= 1));
      at.context.defer(() => socket.destroy());
    }
  }
  // Attached, and from then on dead: no answer to pings.
  let dead = 0;
  for (let i = 0; i < 30; ++i) {
    const { socket } = await openWebSocket(port, i % 2 ? room : "/hocuspocus");
    socket.setTimeout(0);
    dead += 1;
    socket.on("close", () => (dead -= 1));
    at.context.defer(() => socket.destroy());
  }
  return async () => {
    await until("sockets that say little are closed", () => open.every((left) => left === 0), { timeoutMs: 60_000 }).catch((error) => {
      throw new Error(`${error.message}: of ${Object.keys(ways).join("; ")} ${open.join(", ")} are open`);
    });
    await until("clients that answer no pings are closed", () => dead === 0, { timeoutMs: 100_000 });
    return "90 sockets that said little and 30 half-open ones were closed";
  };
}

/** Two people who type in turn; how long each letter took to the other bridge. */
function honestPair(at) {
  const times = [];
  let going = true;
  const { honest, reader } = at;
  const typed = (async () => {
    for (let i = 1; going; ++i) {
      const began = performance.now();
      honest.text.insert(honest.text.length, "x");
      await until("the other sees the letter", () => reader.text.length === i, { everyMs: 1 });
      times.push(performance.now() - began);
      await sleep(10);
    }
  })();
  // A failure is looked at when the pair is asked.
  typed.catch(() => {});
  return {
    take: () => times.splice(0),
    stop: async () => {
      going = false;
      await typed;
    },
  };
}

const residentOf = (node) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${node.pid}/status`, "utf8"))[1]) * 1024;

await scenario({ only: { type: "string" }, seconds: number, attempts: number }, async (context) => {
  needBinary();
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  const [red, green] = nodes;
  await formTeam(nodes);
  const { pid } = red;
  const at = { context, random: context.random, red, green, seconds: context.args.seconds ?? 2 };
  at.bomb = deflateRawSync(Buffer.alloc(2 ** 28)); // Now: it takes a while, in which nobody types.
  at.honest = new PlainClient(context, "Ada", red.bridge, "demo", document);
  at.reader = new PlainClient(context, "Alan", green.bridge, "demo", document);
  for (const one of [at.honest, at.reader]) {
    one.text = one.doc.getText("monaco");
    await one.synced();
  }
  at.honest.text.insert(0, "x");
  await until("the document is at both", () => at.reader.text.length === 1);
  at.honest.text.delete(0, 1);
  await until("it is empty again", () => at.reader.text.length === 0);
  at.id = (await red.call("doc.info", { workspace: "demo", path: document })).id;

  const before = residentOf(red);
  let peak = before;
  const sampler = setInterval(() => red.pid && (peak = Math.max(peak, residentOf(red))), 20);
  context.defer(() => clearInterval(sampler));
  const pair = honestPair(at);
  await sleep(500); // To compare with.
  const line = (name, times, rest) =>
    context.log(`  ${name.padEnd(22)} letters ${times.median.toFixed(1).padStart(6)} / ${times.p95.toFixed(1).padStart(6)} / ${times.max.toFixed(0).padStart(5)} ms   memory ${String(Math.round(peak / 2 ** 20)).padStart(4)} MiB   ${rest}`);
  line("in peace", quantiles(pair.take()), "(median / p95 / max; peak)");

  const only = context.args.only;
  const released = only ? null : await holdSockets(at);
  const failed = [];
  for (const [name, attack] of Object.entries(attacks)) {
    if (only && only !== name) continue;
    peak = residentOf(red);
    const outcome = await attack(at).catch((error) => {
      failed.push(`${name}: ${error.message}`);
      return `FAILED: ${error.message}`;
    });
    check(red.pid === pid, `red to live through ${name}`);
    const times = pair.take();
    line(name, quantiles(times.length > 0 ? times : [NaN]), outcome);
    if (peak - before > memoryMax) failed.push(`${name}: ${Math.round((peak - before) / 2 ** 20)} MiB of memory`);
  }
  if (released) line("held sockets", quantiles([0]), await released());
  await pair.stop();
  check(at.honest.closes.length === 0 && at.reader.closes.length === 0, "the honest pair's connections to hold");
  check(at.honest.text.toString() === at.reader.text.toString(), "the honest pair to see the same");
  context.figure("red's memory before, after", `${(before / 2 ** 20).toFixed(1)}, ${(residentOf(red) / 2 ** 20).toFixed(1)} MiB`);
  check(failed.length === 0, `every attack to fail:\n${failed.join("\n")}`);
  for (const node of nodes) await node.stop();
});
