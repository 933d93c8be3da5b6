// Monaco, y-monaco and y-websocket put together as their documentation does it.

import * as monaco from "monaco-editor/esm/vs/editor/editor.api.js";
import { MonacoBinding } from "y-monaco";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const { server, room } = Object.fromEntries(new URLSearchParams(location.search));
const doc = new Y.Doc();
const provider = new WebsocketProvider(server, room, doc, { disableBc: true });
const text = doc.getText("monaco");
const editor = monaco.editor.create(document.getElementById("editor"), {
  language: "plaintext",
  wordWrap: "on",
  minimap: { enabled: false },
  automaticLayout: true,
  // Whatever would need workers.
  quickSuggestions: false,
  wordBasedSuggestions: "off",
  links: false,
});
provider.awareness.setLocalStateField("user", { name: "Ada", color: "#1d4ed8" });
provider.once("sync", () => {
  new MonacoBinding(text, editor.getModel(), new Set([editor]), provider.awareness);
  editor.focus();
  document.body.dataset.ready = "true";
});
