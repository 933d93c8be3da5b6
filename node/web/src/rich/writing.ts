// Small things of writing that belong to no other part.

import { Extension } from "@tiptap/core";
import { Plugin, Selection, type Transaction } from "@tiptap/pm/state";
import { ySyncPluginKey } from "@tiptap/y-tiptap";

/** A click below the end begins a paragraph there if the last block is none that could be written into. */
export const RoomBelow = Extension.create({
  name: "roomBelow",
  addProseMirrorPlugins() {
    const { editor } = this;
    return [
      new Plugin({
        props: {
          handleDOMEvents: {
            mousedown: (view, event) => {
              const last = view.dom.lastElementChild;
              if (event.target !== view.dom || !last || event.clientY <= last.getBoundingClientRect().bottom) return false;
              if (!editor.isEditable) return false;
              event.preventDefault();
              const { tr } = view.state;
              const block = view.state.doc.lastChild;
              const paragraph = view.state.schema.nodes["paragraph"];
              if (paragraph && block?.type !== paragraph) tr.insert(tr.doc.content.size, paragraph.create());
              view.dispatch(tr.setSelection(Selection.atEnd(tr.doc)).scrollIntoView());
              view.focus();
              return true;
            },
          },
        },
      }),
    ];
  },
});

/**
 * What comes from others is shown as it came: nothing is put right about it here (tables, links), where
 * everybody would do so at once, and the binding is too busy with drawing it to take notice.
 */
export const RemoteChanges = Extension.create({
  name: "remoteChanges",
  addProseMirrorPlugins: () => [
    new Plugin({
      filterTransaction: (tr) => {
        if (isFromOthers(tr)) tr.setMeta("preventAutolink", true);
        const cause = tr.getMeta("appendedTransaction") as Transaction | undefined;
        return !tr.docChanged || !cause || !isFromOthers(cause);
      },
    }),
  ],
});

const isFromOthers = (tr: Transaction): boolean => tr.getMeta(ySyncPluginKey)?.isChangeOrigin === true;

/** Who takes something back, or back again, wants to see it, and to go on there. */
export const ShowUndone = Extension.create({
  name: "showUndone",
  addProseMirrorPlugins: () => [
    new Plugin({
      appendTransaction: (trs, { doc: before }, { doc, tr }) => {
        if (!trs.some((one) => one.getMeta(ySyncPluginKey)?.isUndoRedoOperation)) return null;
        const from = before.content.findDiffStart(doc.content);
        const to = before.content.findDiffEnd(doc.content);
        if (from === null || !to) return null;
        return tr.setSelection(Selection.near(doc.resolve(Math.max(from, to.b)), -1)).scrollIntoView();
      },
    }),
  ],
});

/** Tab means something in lists, tables and screenplays; after Escape, it leaves the text. */
export const WayOut = Extension.create({
  name: "wayOut",
  priority: 2000,
  addProseMirrorPlugins: () => {
    let leaving = false;
    return [
      new Plugin({
        props: {
          handleDOMEvents: {
            keydown: (_view, { key }) => {
              const leaves = leaving && key === "Tab";
              leaving = key === "Escape" || (leaving && key === "Shift");
              // Kept from ProseMirror, not from the browser.
              return leaves;
            },
          },
        },
      }),
    ];
  },
});

/** Images that are pasted or dropped. `put` is given the place, or none for the selection. */
export const ImageFiles = (imagesIn: (data: DataTransfer | null) => File[], put: (files: File[], at?: number) => void) =>
  Extension.create({
    name: "imageFiles",
    addProseMirrorPlugins() {
      const { editor } = this;
      return [
        new Plugin({
          props: {
            handlePaste: (_view, event) => {
              const files = imagesIn(event.clipboardData);
              // With text, a picture of it comes along (from spreadsheets, say): the text is meant.
              if (!editor.isEditable || files.length === 0 || event.clipboardData?.getData("text/plain")) return false;
              put(files);
              return true;
            },
            handleDrop: (view, event, _slice, moved) => {
              const files = moved ? [] : imagesIn(event.dataTransfer);
              if (!editor.isEditable || files.length === 0) return false;
              event.preventDefault();
              put(files, view.posAtCoords({ left: event.clientX, top: event.clientY })?.pos);
              return true;
            },
          },
        }),
      ];
    },
  });
