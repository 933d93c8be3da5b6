// Behind bench/page/typing.mjs: fills a document, then stock clients type in it, each at its own place, five
// characters a second, with cursors.
//
//   typing_crowd.mjs BRIDGE DOCUMENT KIND BYTES CLIENTS

import { WebSocket } from "ws";
import { messageAwareness, messageSync, WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const [bridge, document, kind, bytes, clients] = process.argv.slice(2);
const everyMs = 200;
process.setMaxListeners(0); // Each provider has one.
const line = "It might act upon other things besides number, were objects found whose mutual relations. ";

function open() {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`${bridge.replace(/^http/, "ws")}/sync/demo`, document, doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true,
  });
  return new Promise((resolve) => provider.once("sync", () => resolve({ doc, provider })));
}

if (Number(bytes) > 0) {
  const { doc, provider } = await open();
  const lines = Math.ceil(Number(bytes) / (line.length + 1));
  if (kind === "rich") {
    const blocks = Array.from({ length: lines }, () => {
      const paragraph = new Y.XmlElement("paragraph");
      paragraph.insert(0, [new Y.XmlText(line)]);
      return paragraph;
    });
    doc.getXmlFragment("default").insert(0, blocks);
  } else {
    // As people write it: here and there, so that Yjs holds it in as many pieces as it has lines.
    const text = doc.getText("monaco");
    doc.transact(() => {
      for (let i = 0; i < lines; ++i) text.insert(((i * 7919) % (i + 1)) * (line.length + 1), `${line}\n`);
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 3000));
  provider.destroy();
}

const all = await Promise.all(Array.from({ length: Number(clients) }, open));
for (const [i, { doc, provider }] of all.entries()) {
  // Each of them would read all the others on a machine of its own, not on the one that is measured.
  for (const kind of [messageSync, messageAwareness]) provider.messageHandlers[kind] = () => {};
  provider.awareness.setLocalStateField("user", { name: `Writer ${i + 1}`, color: "#047857" });
  const text = kind === "rich" ? null : doc.getText("monaco");
  const blocks = doc.getXmlFragment("default");
  const type = text ?? blocks.get(Math.floor(((i + 0.5) / all.length) * blocks.length)).get(0);
  let index = text ? Math.floor(((i + 0.5) / all.length) * text.length) : 0;
  setTimeout(
    () =>
      setInterval(() => {
        type.insert(index, "x");
        index += 1;
        const at = Y.createRelativePositionFromTypeIndex(type, index);
        provider.awareness.setLocalStateField(text ? "selection" : "cursor", { anchor: at, head: at });
      }, everyMs),
    (i / all.length) * everyMs,
  );
}
process.send("ready");
