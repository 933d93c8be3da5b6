// usage: watcher.mjs BRIDGE WORKSPACE DOCUMENT, forked by Watcher: answers "text" and "stats".

import { Client } from "./client.mjs";

const client = new Client(null, ...process.argv.slice(2, 5));
let updates = 0;
client.doc.on("update", () => (updates += 1));
process.on("message", (question) => {
  process.send(question === "text" ? client.text.toString() : { updates });
});
process.on("disconnect", () => process.exit(0));
