// What rich text may hold: the nodes and marks, and what is typed to make them.

import { type Extensions, mergeAttributes } from "@tiptap/core";
import { Image } from "@tiptap/extension-image";
import { TaskItem, TaskList } from "@tiptap/extension-list";
import { Table, TableCell, TableHeader, TableRow } from "@tiptap/extension-table";
import { StarterKit } from "@tiptap/starter-kit";

import { rich } from "../strings/rich";
import { RichCodeBlock } from "./code_block";
import { isLinkable } from "./links";
import { showImage } from "./image_view";
import { ScreenplayElement } from "./screenplay_extension";

/** Taller tables scroll sideways within themselves, not the page. */
const ScrollingTable = Table.extend({
  renderHTML({ HTMLAttributes }) {
    return ["div", { class: "tableWrapper" }, ["table", mergeAttributes(HTMLAttributes), ["tbody", 0]]];
  },
});

const RichImage = Image.extend({
  addNodeView() {
    return ({ node }) => showImage(node);
  },
});

export function contentExtensions(): Extensions {
  return [
    StarterKit.configure({
      codeBlock: false,
      // Undo is the collaboration's: it takes back one's own edits only.
      undoRedo: false,
      // It would write into every document that ends with something else as soon as it is opened.
      trailingNode: false,
      heading: { levels: [1, 2, 3, 4, 5, 6] },
      dropcursor: { class: "drop-cursor", color: false },
      link: {
        openOnClick: false,
        defaultProtocol: "https",
        markdownLinks: true,
        isAllowedUri: (address) => isLinkable(address),
      },
    }),
    RichCodeBlock,
    TaskList,
    TaskItem.configure({
      nested: true,
      a11y: { checkboxLabel: (node) => rich.taskDone(node.textContent.slice(0, 80)) },
    }),
    ScrollingTable,
    TableRow,
    TableHeader,
    TableCell,
    RichImage.configure({ allowBase64: true }),
    ScreenplayElement,
  ];
}
