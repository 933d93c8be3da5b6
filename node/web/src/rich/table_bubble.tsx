// Above the table that the caret is in: rows and columns.

import { type Editor, findParentNode } from "@tiptap/core";
import {
  BetweenHorizontalEnd,
  BetweenHorizontalStart,
  BetweenVerticalEnd,
  BetweenVerticalStart,
  Ellipsis,
  PanelTop,
  Trash2,
} from "lucide-react";

import { rich } from "../strings/rich";
import { IconButton, Menu, MenuItem, MenuLine } from "../ui/kit";
import { Floating } from "./floating";
import { useEditorValue } from "./use_editor_value";

export function TableBubble({ editor }: { editor: Editor }) {
  const table = useEditorValue(editor, () => {
    const found = findParentNode(({ type }) => type.name === "table")(editor.state.selection);
    if (!found) return null;
    const first = found.node.firstChild;
    let header = first !== null && first.childCount > 0;
    first?.forEach((cell) => (header &&= cell.type.name === "tableHeader"));
    return { at: found.pos, header };
  });
  if (!table || !editor.isEditable) return null;
  const run = () => editor.chain().focus();
  const at = () => {
    const dom = editor.view.nodeDOM(table.at);
    return dom instanceof Element ? dom.getBoundingClientRect() : null;
  };
  return (
    <Floating editor={editor} at={at} side="above" label={rich.tableTools} role="toolbar">
      <IconButton small label={rich.rowBelow} onClick={() => run().addRowAfter().run()}>
        <BetweenHorizontalEnd />
      </IconButton>
      <IconButton small label={rich.columnAfter} onClick={() => run().addColumnAfter().run()}>
        <BetweenVerticalEnd />
      </IconButton>
      <IconButton small label={rich.headerRow} aria-pressed={table.header} onClick={() => run().toggleHeaderRow().run()}>
        <PanelTop />
      </IconButton>
      <Menu
        button={
          <IconButton small label={rich.more}>
            <Ellipsis />
          </IconButton>
        }
      >
        <MenuItem icon={<BetweenHorizontalStart />} onSelect={() => run().addRowBefore().run()}>
          {rich.rowAbove}
        </MenuItem>
        <MenuItem icon={<BetweenHorizontalEnd />} onSelect={() => run().addRowAfter().run()}>
          {rich.rowBelow}
        </MenuItem>
        <MenuItem icon={<BetweenVerticalStart />} onSelect={() => run().addColumnBefore().run()}>
          {rich.columnBefore}
        </MenuItem>
        <MenuItem icon={<BetweenVerticalEnd />} onSelect={() => run().addColumnAfter().run()}>
          {rich.columnAfter}
        </MenuItem>
        <MenuLine />
        <MenuItem onSelect={() => run().deleteRow().run()}>{rich.deleteRow}</MenuItem>
        <MenuItem onSelect={() => run().deleteColumn().run()}>{rich.deleteColumn}</MenuItem>
        <MenuItem danger icon={<Trash2 />} onSelect={() => run().deleteTable().run()}>
          {rich.deleteTable}
        </MenuItem>
      </Menu>
    </Floating>
  );
}
