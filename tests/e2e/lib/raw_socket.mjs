// HTTP and WebSocket by hand, for what no well-behaved library sends.

import { createHash, randomBytes } from "node:crypto";
import net from "node:net";

const timeoutMs = 10_000;

/** Sends `bytes` and resolves to all that came back when the other side closed (or after a while). */
export function exchange(port, bytes, { waitMs = timeoutMs, half = false } = {}) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const socket = net.connect(port, "127.0.0.1", () => (half ? socket.end(bytes) : socket.write(bytes)));
    const timer = setTimeout(() => socket.destroy(), waitMs);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => error.code !== "ECONNRESET" && error.code !== "EPIPE" && reject(error));
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
  });
}

/** One request; resolves to {status, body}. */
export async function httpRequest(port, method, target, { headers = {}, body = "" } = {}) {
  const lines = { Host: `127.0.0.1:${port}`, Connection: "close", "Content-Length": Buffer.byteLength(body), ...headers };
  const head = [`${method} ${target} HTTP/1.1`, ...Object.entries(lines).map(([name, value]) => `${name}: ${value}`)];
  const answer = (await exchange(port, `${head.join("\r\n")}\r\n\r\n${body}`)).toString();
  const end = answer.indexOf("\r\n\r\n");
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0), body: end < 0 ? "" : answer.slice(end + 4) };
}

/** Asks for a WebSocket; resolves to {status, socket, messages}, the socket open if status is 101. */
export function openWebSocket(port, target, headers = {}) {
  const key = randomBytes(16).toString("base64");
  const lines = {
    Host: `127.0.0.1:${port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}`);
      socket.write([`GET ${target} HTTP/1.1`, ...head, "", ""].join("\r\n"));
    });
    let received = Buffer.alloc(0);
    const onData = (chunk) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = received.subarray(0, end).toString();
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
      if (status === 101 && !head.includes(acceptOf(key))) return reject(new Error(`wrong Sec-WebSocket-Accept: ${head}`));
      socket.off("data", onData);
      socket.resume(); // What the node sends is not looked at, but must not stop it.
      if (status !== 101) socket.destroy();
      resolve({ status, socket, closed: new Promise((done) => socket.once("close", done)) });
    };
    socket.on("data", onData);
    socket.on("error", (error) => {
      if (!["ECONNRESET", "EPIPE"].includes(error.code)) reject(error);
    });
    socket.setTimeout(timeoutMs, () => reject(new Error("no answer to the WebSocket handshake")));
  });
}

const acceptOf = (key) => createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");

/** A frame as a client must send it, unless told otherwise. */
export function frame(payload, { opcode = 2, final = true, masked = true, reserved = 0, declaredLength } = {}) {
  const length = declaredLength ?? BigInt(payload.length);
  const first = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = masked ? 0x80 : 0;
  let head;
  if (length < 126n) head = Buffer.from([first, mask | Number(length)]);
  else if (length < 65536n) head = Buffer.from([first, mask | 126, Number(length >> 8n), Number(length & 255n)]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(length, 2);
  }
  if (!masked) return Buffer.concat([head, payload]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, Buffer.from(payload).map((byte, i) => byte ^ key[i & 3])]);
}
