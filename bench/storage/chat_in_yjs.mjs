// A chat of many messages as a Y.Array of Y.Maps, as pages keep it that have nothing but Yjs: beside
// rooms_bench.
//
//   node --expose-gc chat_in_yjs.mjs [MESSAGES]

import * as Y from "yjs";

const messages = Number(process.argv[2] ?? 100_000);
const now = () => performance.now();
const heap = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

const before = heap();
const doc = new Y.Doc();
const chat = doc.getArray("chat");
const block = Math.max(1, Math.floor(messages / 10));
let started = now();
for (let i = 0; i < messages; ++i) {
  const message = new Y.Map();
  message.set("id", `m${i}`);
  message.set("author", "somebody");
  message.set("time", 1_760_000_000_000 + i * 100);
  message.set("text", `message ${i}, as long as people write them in a chat`);
  chat.push([message]);
  if ((i + 1) % block === 0) {
    console.log(`posted ${i + 1}   ${((now() - started) / block).toFixed(3)} ms each   ${(heap() - before).toFixed(1)} MiB`);
    started = now();
  }
}
const update = Y.encodeStateAsUpdate(doc);
console.log(`state: ${(update.length / 2 ** 20).toFixed(1)} MiB`);
started = now();
const opened = new Y.Doc();
Y.applyUpdate(opened, update);
const page = opened.getArray("chat").toArray().slice(-50).map((one) => one.toJSON());
console.log(`newest page after a restart: ${(now() - started).toFixed(1)} ms (${page.length} messages)`);
