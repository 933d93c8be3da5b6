// TipTap and y-websocket put together as their documentation does it.

import { Editor } from "@tiptap/core";
import { Collaboration } from "@tiptap/extension-collaboration";
import { CollaborationCaret } from "@tiptap/extension-collaboration-caret";
import { StarterKit } from "@tiptap/starter-kit";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const { server, room } = Object.fromEntries(new URLSearchParams(location.search));
const document_ = new Y.Doc();
const provider = new WebsocketProvider(server, room, document_, { disableBc: true });
provider.once("sync", () => {
  const editor = new Editor({
    element: document.getElementById("editor"),
    extensions: [
      StarterKit.configure({ undoRedo: false }),
      Collaboration.configure({ document: document_ }),
      CollaborationCaret.configure({ provider, user: { name: "Ada", color: "#1d4ed8" } }),
    ],
  });
  editor.commands.focus("start");
  document.body.dataset.ready = "true";
});
