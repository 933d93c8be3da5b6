// usage: watcher.mjs BRIDGE WORKSPACE DOCUMENT, forked by Watcher: answers "text", "people" and "stats".

import { Client } from "./client.mjs";

const client = new Client(null, ...process.argv.slice(2, 5));
let updates = 0;
client.doc.on("update", () => (updates += 1));
const answers = {
  text: () => client.text.toString(),
  people: () => Array.from(client.provider.awareness.getStates().values(), (state) => state.user?.name),
  stats: () => ({ updates }),
};
process.on("message", (question) => process.send(answers[question]()));
process.on("disconnect", () => process.exit(0));
