// A node behind Debian's nginx, with docs/operations/nginx.conf: editors and events pass through it at
// once, and who somebody is, nginx says and not they.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";

import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { EventStream } from "./lib/event_stream.mjs";
import { freePort, needBinary, Node } from "./lib/nodes.mjs";
import { check, root, scenario, Skipped, until } from "./lib/scenario.mjs";

const host = "docs.example.org";
const binary = ["/usr/sbin/nginx", "/usr/bin/nginx"].find(existsSync);

/** The recipe, with the ports and files of this test. */
function configured(directory, port, node) {
  const recipe = readFileSync(path.join(root, "docs/operations/nginx.conf"), "utf8")
    .replace("server 127.0.0.1:7420", `server 127.0.0.1:${node}`)
    .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
    .replaceAll(/\/etc\/ssl\/docs\.example\.org/g, path.join(directory, "site"));
  return `daemon off; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
${recipe}
}
`;
}

await scenario({}, async (context) => {
  needBinary();
  if (!binary) throw new Skipped("there is no nginx");
  const node = new Node(context, "red");
  await node.init();
  await node.cli("workspace", "create", "demo");
  node.runArguments = ["--bridge-host", host, "--bridge-trusted-proxy", "127.0.0.1", "--bridge-insecure"];
  await node.start();

  const directory = path.join(context.directory, "nginx");
  mkdirSync(directory);
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-subj", `/CN=${host}`, "-keyout", `${directory}/site.key`, "-out", `${directory}/site.pem`,
  ], { stdio: "ignore" }); // prettier-ignore
  const port = await freePort();
  const configuration = path.join(directory, "nginx.conf");
  writeFileSync(configuration, configured(directory, port, node.bridgePort));
  execFileSync(binary, ["-t", "-c", configuration, "-p", directory], { stdio: "pipe" });
  const nginx = spawn(binary, ["-c", configuration, "-p", directory], { stdio: "ignore" });
  context.defer(() => nginx.kill("SIGTERM"));

  const ask = (target, { method = "GET", headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const options = { method, headers: { Host: host, ...headers }, rejectUnauthorized: false };
      const request = https.request(`https://127.0.0.1:${port}${target}`, options, (response) => {
        let text = "";
        response.on("data", (part) => (text += part));
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      request.on("error", reject);
      request.end(body);
    });
  await until("nginx answers", async () => (await ask("/readyz")).status === 200);
  check((await ask("/metrics")).status === 403, "the metrics to stay inside");
  check((await ask("/readyz", { headers: { Host: "evil.example" } })).status === 403, "other names to be refused");

  class ThroughNginx extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers: { Host: host }, rejectUnauthorized: false });
    }
  }
  const editors = [new Y.Doc(), new Y.Doc()];
  for (const doc of editors) {
    const options = { WebSocketPolyfill: ThroughNginx, disableBc: true };
    const provider = new WebsocketProvider(`wss://127.0.0.1:${port}/sync/demo`, "notes.md", doc, options);
    context.defer(() => provider.destroy());
    await until("the editor is in step", () => provider.synced);
  }
  editors[0].getText("monaco").insert(0, "through nginx");
  await until("the other editor has it", () => editors[1].getText("monaco").toString() === "through nginx");
  context.log("WebSockets pass");

  const list = await until("the document is listed", async () => {
    const { documents } = JSON.parse((await ask("/v1/workspaces/demo/documents")).text);
    return documents.length > 0 && documents;
  });
  const at = `/v1/documents/${list[0].id}`;
  const stream = new EventStream(context, `https://127.0.0.1:${port}${at}/stream`, { Host: host });
  await stream.told("session");
  for (let i = 0; i < 5; i++) {
    const body = JSON.stringify({ text: `message ${i}` });
    const posted = await ask(`${at}/messages`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    check(posted.status === 201, `a message to be posted: ${posted.text}`);
    await stream.told("chat_message", (event) => event.message.text === `message ${i}`);
  }
  check(!stream.ended, "the stream to go on");
  const text = await ask(`${at}/text`);
  check((await ask(`${at}/text`, { headers: { "If-None-Match": text.headers.etag } })).status === 304, "ETags to pass");
  context.log("server-sent events pass unbuffered");

  // What the node believes is what nginx saw.
  const garbage = { headers: { "X-Forwarded-For": "nobody" } };
  check((await ask("/readyz", garbage)).status === 200, "nginx to say the address itself");
  check((await fetch(`${node.bridge}/readyz`, garbage)).status === 400, "the node to believe the proxy");
  context.log("X-Forwarded-For is nginx's");
});
