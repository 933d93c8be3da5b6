// What strangers, broken programs and people with typing errors send: every one gets a clear
// refusal, the node goes on, and a person who types through all of it notices nothing.

import { chmod, cp, mkdir, open, writeFile } from "node:fs/promises";
import path from "node:path";

import { filesBelow } from "./lib/capture.mjs";
import { Client } from "./lib/client.mjs";
import { CommandFailed, converged, formTeam, needBinary, Node, freePort } from "./lib/nodes.mjs";
import { exchange, frame, httpRequest, openWebSocket } from "./lib/raw_socket.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";

const document = "notes/bystander.md";
const room = `/sync/demo/${document}`;

await scenario({}, async (context) => {
  needBinary();
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  const [red] = nodes;
  await formTeam(nodes);
  const { pid, bridgePort: port } = red;

  // Types a character now and then, on one connection, through everything below.
  const bystander = new Client(context, red.bridge, "demo", document, { saved: true });
  await bystander.synced();
  let typing = true;
  const typed = (async () => {
    while (typing) {
      await bystander.type([[bystander.text.length, 0, "x"]]);
      await sleep(20);
    }
  })();

  await foreignPages(port);
  await badRequests(port);
  await badFrames(context, port);
  await badMessages(context, port);
  await badCommands(context, red);
  await badDirectories(context, red);

  typing = false;
  await typed;
  await bystander.allSaved();
  check(red.pid === pid, "red to be the process it was");
  check(bystander.connections === 1, `the bystander's connection to hold, not ${bystander.connections} connections`);
  await converged(nodes, "demo", document, bystander.text.toString());
  context.log(`a bystander typed ${bystander.text.length} characters meanwhile: all saved, one connection`);
  red.reportUsage();
  check(red.usage().peakBytes < 400 * 2 ** 20, "red's memory to stay below 400 MiB");
  for (const node of nodes) await node.stop();
});

async function answers(what, expected, request) {
  const { status } = await request;
  check([expected].flat().includes(status), `${what} to be answered with ${expected}, not ${status}`);
}

async function foreignPages(port) {
  const json = { "Content-Type": "application/json" };
  const create = (headers) =>
    httpRequest(port, "POST", "/v1/workspaces/demo/documents", { headers, body: '{"path":"evil.md"}' });
  for (const origin of ["https://evil.example", "http://127.0.0.1:1", "http://localhost.evil.example", "null"]) {
    await answers(`a WebSocket from ${origin}`, 403, openWebSocket(port, room, { Origin: origin }));
    await answers(`a POST from ${origin}`, 403, create({ ...json, Origin: origin }));
  }
  // A name that an attacker's DNS points at 127.0.0.1.
  for (const host of ["evil.example", `evil.example:${port}`, `127.0.0.1.evil.example:${port}`]) {
    await answers(`GET / for host ${host}`, [403, 421], httpRequest(port, "GET", "/", { headers: { Host: host } }));
    await answers(`a WebSocket for host ${host}`, [403, 421], openWebSocket(port, room, { Host: host }));
  }
  // What a foreign page may send without asking first: no JSON.
  await answers("a POST of a plain form", [403, 415, 400], create({ "Content-Type": "text/plain" }));
  const own = `http://127.0.0.1:${port}`;
  await answers("a WebSocket of our own page", 101, openWebSocket(port, room, { Origin: own }));
  const { documents } = await (await fetch(`${own}/v1/workspaces/demo/documents`)).json();
  check(!documents.some((listed) => listed.path === "evil.md"), "no document made by a foreign page");
}

async function badRequests(port) {
  const headers = { "Content-Type": "application/json", Origin: `http://127.0.0.1:${port}` };
  const post = (body) => httpRequest(port, "POST", "/v1/workspaces/demo/documents", { headers, body });
  const bodies = ["", "{", "[]", "null", "5", '{"path":5}', '{"path":""}', '{"path":"a//b"}', '{"path":"../b"}', "\xff\xfe"];
  for (const body of [...bodies, JSON.stringify({ path: "x".repeat(1025) }), `${"[".repeat(50_000)}`]) {
    const { status, body: answer } = await post(body);
    check(status >= 400 && status < 500, `a POST of ${JSON.stringify(body.slice(0, 20))} to be refused, not ${status}`);
    check(JSON.parse(answer).error.message.length > 0, "an error with a message");
  }
  await answers("a body of 64 MiB", 413, post("x".repeat(64 * 2 ** 20)));
  await answers("another workspace", 404, httpRequest(port, "GET", "/v1/workspaces/none/documents"));
  await answers("an unknown path", 404, httpRequest(port, "GET", "/no/such/thing"));
  await answers("DELETE", 405, httpRequest(port, "DELETE", "/v1/status"));
  for (const target of ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2fetc/passwd", "//etc/passwd"]) {
    await answers(target, [400, 404], httpRequest(port, "GET", target));
  }
  await answers("a WebSocket to no workspace", 404, openWebSocket(port, "/sync/none/x.md"));
  for (const target of ["/sync", "/sync/demo", "/sync/demo/", "/sync/demo/a%2f%2fb", "/sync/demo/%ff", "/sync/demo/%zz"]) {
    await answers(`a WebSocket to ${target}`, [400, 404], openWebSocket(port, target));
  }
  await answers("a path past the limit", [400, 413, 414, 431], openWebSocket(port, `/sync/demo/${"x".repeat(1025)}`));
  await exchange(port, "GET / HTTP/1.1\r\nX: " + "y".repeat(2 ** 20));
  await exchange(port, Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x01]), { half: true }); // TLS.
  await exchange(port, "\r\n\r\n\r\n", { half: true });
}

/** Frames that break RFC 6455: the connection must be closed. */
async function badFrames(context, port) {
  const some = Buffer.from([0, 0, 1, 0]);
  const frames = {
    "not masked": frame(some, { masked: false }),
    "a reserved bit": frame(some, { reserved: 4 }),
    "an unknown opcode": frame(some, { opcode: 11 }),
    "a continuation of nothing": frame(some, { opcode: 0 }),
    "a ping longer than 125 bytes": frame(Buffer.alloc(126), { opcode: 9 }),
    "a ping in parts": frame(some, { opcode: 9, final: false }),
    "2^62 bytes announced": frame(some, { declaredLength: 2n ** 62n }),
    "1 GiB announced": frame(some, { declaredLength: 2n ** 30n }),
    "a negative length": frame(some, { declaredLength: 2n ** 63n + 5n }),
    "text that is not UTF-8": frame(Buffer.from([0xff, 0xfe]), { opcode: 1 }),
    "a close of one byte": frame(Buffer.from([3]), { opcode: 8 }),
  };
  for (const [what, bytes] of Object.entries(frames)) {
    const { status, socket, closed } = await openWebSocket(port, room);
    check(status === 101, `a WebSocket before ${what}`);
    socket.write(bytes);
    await Promise.race([closed, sleep(5000).then(() => Promise.reject(new Error(`still open after ${what}`)))]);
  }
  // Random bytes after a handshake; whatever they happen to be.
  for (let i = 0; i < 50; ++i) {
    const { socket } = await openWebSocket(port, room);
    socket.end(context.random.bytes(1 + context.random.below(300)));
  }
  // A hundred connections that say nothing, or stop in the middle of a frame.
  const idle = [];
  for (let i = 0; i < 100; ++i) {
    const { socket } = await openWebSocket(port, room);
    if (i % 2) socket.write(frame(Buffer.alloc(1000)).subarray(0, 500));
    idle.push(socket);
  }
  for (const socket of idle) socket.destroy();
}

/** Sound frames with unsound messages: refused or ignored, and nothing of it reaches the document. */
async function badMessages(context, port) {
  const { random } = context;
  const messages = [
    [],
    [0], // Sync without a kind.
    [0, 7], // An unknown kind of sync.
    [0, 0], // A step 1 without its state vector.
    [0, 0, 200, 1], // A length past the end.
    [0, 0, 5, 255, 255, 255, 255, 15], // A state vector of 4 billion clients.
    [0, 2, 3, 1, 2, 3], // An update that is none.
    [0, 2, 11, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 127],
    [0, 1, 6, 1, 255, 255, 255, 255, 15], // A step 2 with 4 billion structs.
    [1], // Awareness without content.
    [1, 255, 255, 255, 255, 255, 255, 255, 255, 127],
    [1, 6, 1, 1, 1, 2, 123, 123], // Awareness that is not JSON.
    [2, 0, 0],
    [99, 1, 2, 3],
    [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
    ...Array.from({ length: 300 }, (_, i) => [i % 4 === 3 ? 1 : 0, i % 3, ...random.bytes(random.below(60))]),
  ];
  for (const message of messages) {
    const { socket } = await openWebSocket(port, room);
    socket.end(frame(Buffer.from(message)));
  }
  const { socket, closed } = await openWebSocket(port, room);
  socket.write(frame(Buffer.alloc(80 * 2 ** 20)), () => {});
  await Promise.race([closed, sleep(20_000).then(() => Promise.reject(new Error("a message of 80 MiB was taken")))]);
  const text = new Client(context, `http://127.0.0.1:${port}`, "demo", document);
  await text.synced();
  check(/^x*$/.test(text.text.toString()), "the document to hold what the bystander typed, and no more");
  text.close();
}

/** Runs a command that must fail: with `code` not 0, and an explanation that matches `says`. */
async function refuses(node, says, ...args) {
  const what = `coterie ${args.join(" ").slice(0, 80)}`;
  const error = await node.cli(...args).then(
    () => check(false, `${what} to fail`),
    (error) => error,
  );
  if (!(error instanceof CommandFailed)) throw error;
  check(Number.isInteger(error.code) && error.code > 0 && error.code < 128, `${what} to end with an exit code, not ${error.code}`);
  check(says.test(error.stderr), `${what} to say ${says}, not: ${error.stderr}`);
}

async function badCommands(context, red) {
  const other = new Node(context, "other");
  await other.init();
  const free = () => freePort();
  await refuses(other, /in use|already/i, "run", "--listen", `tcp://127.0.0.1:${await free()}`, "--bridge", `127.0.0.1:${red.bridgePort}`);
  await refuses(other, /in use|already/i, "run", "--listen", red.mesh, "--bridge", `127.0.0.1:${await free()}`);
  await refuses(red, /running|in use|already/i, "run", "--listen", `tcp://127.0.0.1:${await free()}`);
  for (const listen of ["127.0.0.1:1", "tcp://", "tcp://127.0.0.1:99999", "ipc:///tmp/x"]) {
    await refuses(other, /tcp:\/\/|listen|address|port/i, "run", "--listen", listen);
  }

  await other.start();
  const invite = (await red.cli("invite", "demo")).trim().split(/\s+/).at(-1);
  const flipped = invite.slice(0, -9) + (invite.at(-9) === "q" ? "p" : "q") + invite.slice(-8);
  for (const wrong of ["nonsense", "coterie1", invite.slice(0, -1), invite.slice(0, 40), flipped, `${invite}${invite}`, "coterie1" + "q".repeat(100_000)]) {
    await refuses(other, /invite/i, "join", wrong);
  }
  await refuses(red, /workspace|none/i, "doc", "cat", "none", "x.md");
  await refuses(red, /document|missing/i, "doc", "cat", "demo", "missing.md");
  await refuses(red, /workspace|none/i, "invite", "none");
  await refuses(red, /./, "no-such-command");
  await other.stop();
}

/** Data directories that are not ours, or no longer whole. */
async function badDirectories(context, red) {
  const foreign = new Node(context, "foreign");
  await mkdir(foreign.data, { mode: 0o700 });
  await writeFile(path.join(foreign.data, "thesis.doc"), "not a node");
  const listen = `tcp://127.0.0.1:${await freePort()}`;
  await refuses(foreign, /init|device|not a|empty/i, "run", "--listen", listen);
  await refuses(foreign, /not a|empty|foreign|other files/i, "init", "--name", "foreign");

  const damaged = new Node(context, "damaged");
  await damaged.init();
  await chmod(damaged.data, 0o755);
  await refuses(damaged, /chmod 700/, "run", "--listen", listen);
  await chmod(damaged.data, 0o700);
  await damaged.start();
  await damaged.cli("workspace", "create", "w");
  await damaged.stop();
  const stores = (await filesBelow(damaged.data)).filter((file) => file.endsWith("data.mdb"));
  check(stores.length > 0, "a store to damage");
  for (const [what, damage] of Object.entries({
    overwritten: (file) => writeFile(file, "this is not a store ".repeat(1000)),
    "cut short": (file) => open(file, "r+").then((opened) => opened.truncate(100).then(() => opened.close())),
  })) {
    const copy = new Node(context, `damaged ${what}`);
    await cp(damaged.data, copy.data, { recursive: true, filter: (source) => !source.endsWith(".sock") });
    for (const store of stores) await damage(store.replace(damaged.data, copy.data));
    await refuses(copy, /damaged|corrupt|not a|foreign/i, "run", "--listen", listen);
  }
  await damaged.start(); // The original is whole: the checks do not cry wolf.
  await until("it still has its workspace", async () => JSON.stringify(await damaged.json("status")).includes('"w"'));
  await damaged.stop();
  check(red.pid !== undefined, "red to be running");
}
