// The page of editors.mjs, as somebody would write it from the READMEs of its parts: one editor, a
// stock provider, y-indexeddb beside it. The fragment says which: #editor=...&protocol=...&document=
// WORKSPACE/PATH&name=...&color=...

import { defaultKeymap } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { HocuspocusProvider } from "@hocuspocus/provider";
import { Editor } from "@tiptap/core";
import { Collaboration } from "@tiptap/extension-collaboration";
import { CollaborationCaret } from "@tiptap/extension-collaboration-caret";
import { StarterKit } from "@tiptap/starter-kit";
import { baseKeymap, toggleMark } from "prosemirror-commands";
import { keymap as prosemirrorKeymap } from "prosemirror-keymap";
import { schema } from "prosemirror-schema-basic";
import { EditorState as ProsemirrorState } from "prosemirror-state";
import { EditorView as ProsemirrorView } from "prosemirror-view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import { IndexeddbPersistence } from "y-indexeddb";
import { redo, undo, yCursorPlugin, ySyncPlugin, yUndoPlugin } from "y-prosemirror";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const user = { name: wanted.name, color: wanted.color, colorLight: wanted.color };
const doc = new Y.Doc();
const persistence = new IndexeddbPersistence(wanted.document, doc);
const bridge = location.origin.replace(/^http/, "ws");

const protocols = {
  sync: () => new WebsocketProvider(`${bridge}/sync`, wanted.document, doc, { disableBc: true }),
  hocuspocus: () => new HocuspocusProvider({ url: `${bridge}/hocuspocus`, name: wanted.document, document: doc }),
};
const provider = protocols[wanted.protocol]();
const place = document.querySelector("#editor");

const editors = {
  codemirror() {
    const text = doc.getText("codemirror");
    const view = new EditorView({
      parent: place,
      state: EditorState.create({
        doc: text.toString(),
        extensions: [
          keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
          yCollab(text, provider.awareness, { undoManager: new Y.UndoManager(text) }),
        ],
      }),
    });
    provider.awareness.setLocalStateField("user", user);
    return { focus: () => view.focus(), shown: () => view.state.doc.toString(), held: () => text.toString() };
  },
  prosemirror() {
    const type = doc.getXmlFragment("prosemirror");
    const view = new ProsemirrorView(place, {
      state: ProsemirrorState.create({
        schema,
        plugins: [
          ySyncPlugin(type),
          yCursorPlugin(provider.awareness),
          yUndoPlugin(),
          prosemirrorKeymap({ "Mod-z": undo, "Mod-y": redo, "Mod-b": toggleMark(schema.marks.strong) }),
          prosemirrorKeymap(baseKeymap),
        ],
      }),
    });
    provider.awareness.setLocalStateField("user", user);
    return { focus: () => view.focus(), shown: () => JSON.stringify(view.state.doc.toJSON()), held: () => type.toString() };
  },
  tiptap() {
    const editor = new Editor({
      element: place,
      extensions: [
        StarterKit.configure({ undoRedo: false }),
        Collaboration.configure({ document: doc }),
        CollaborationCaret.configure({ provider, user }),
      ],
    });
    return {
      focus: () => editor.commands.focus(),
      shown: () => JSON.stringify(editor.getJSON()),
      held: () => doc.getXmlFragment("default").toString(),
    };
  },
};

globalThis.page = {
  ...editors[wanted.editor](),
  provider,
  stored: persistence.whenSynced,
  synced: () => provider.synced,
  connect: () => provider.connect(),
  disconnect: () => provider.disconnect(),
  /** Whose cursors are drawn. */
  flags: () =>
    Array.from(
      place.querySelectorAll(".cm-ySelectionInfo, .ProseMirror-yjs-cursor > div, .collaboration-carets__label"),
      (flag) => flag.textContent.replace(/\u2060/g, ""),
    ),
};
