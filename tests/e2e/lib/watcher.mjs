// usage: watcher.mjs BRIDGE WORKSPACE DOCUMENT, forked by Watcher: answers "text",
// "people" and "stats", and shows itself by a name when it is given one.

import { Client } from "./client.mjs";

const client = new Client(null, ...process.argv.slice(2, 5));
let updates = 0;
client.doc.on("update", () => (updates += 1));
const answers = {
  text: () => client.text.toString(),
  people: () => Array.from(client.provider.awareness.getStates().values(), (state) => state.user?.name),
  stats: () => ({ updates }),
};
process.on("message", (question) => {
  if (question.present !== undefined) {
    client.provider.awareness.setLocalState({ user: { name: question.present } });
    return process.send("done");
  }
  process.send(answers[question]());
});
process.on("disconnect", () => process.exit(0));
