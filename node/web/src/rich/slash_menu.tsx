// The menu of "/": the text keeps the focus, so it is read by aria-activedescendant.

import type { Editor } from "@tiptap/core";
import { useEditorState } from "@tiptap/react";
import { type RefObject, useEffect, useId, useRef, useState } from "react";

import { rich } from "../strings/rich";
import type { Block } from "./blocks";
import { Floating } from "./floating";
import css from "./rich_editor.module.css";
import { choose, closeSlash, matching, slashOf } from "./slash";

/** What takes the keys of the editor while the menu is open. True: it did something with it. */
export type SlashKeys = RefObject<((event: KeyboardEvent) => boolean) | null>;

interface SlashMenuProps {
  editor: Editor;
  blocks: readonly Block[];
  keys: SlashKeys;
}

export function SlashMenu({ editor, blocks, keys }: SlashMenuProps) {
  const slash = useEditorState({ editor, selector: () => slashOf(editor) });
  if (!slash || !editor.isEditable) return null;
  return <OpenMenu key={slash.from} {...{ editor, keys, from: slash.from }} found={matching(blocks, slash.query)} />;
}

interface OpenMenuProps {
  editor: Editor;
  keys: SlashKeys;
  from: number;
  found: Block[];
}

function OpenMenu({ editor, keys, from, found }: OpenMenuProps) {
  const id = useId();
  const [wanted, setWanted] = useState(0);
  const chosen = Math.min(wanted, found.length - 1);
  const item = useRef<HTMLDivElement>(null);
  const block = found[chosen];

  keys.current = ({ key }) => {
    if (key === "Escape") closeSlash(editor);
    else if (found.length === 0) return false;
    else if (key === "ArrowDown") setWanted((chosen + 1) % found.length);
    else if (key === "ArrowUp") setWanted((chosen - 1 + found.length) % found.length);
    else if ((key === "Enter" || key === "Tab") && block) choose(editor, block);
    else return false;
    return true;
  };
  useEffect(() => {
    const close = () => closeSlash(editor);
    editor.on("blur", close);
    return () => {
      editor.off("blur", close);
      keys.current = null;
      editor.view.dom.removeAttribute("aria-activedescendant");
      editor.view.dom.removeAttribute("aria-controls");
    };
  }, [editor, keys]);
  useEffect(() => {
    item.current?.scrollIntoView({ block: "nearest" });
    const { dom } = editor.view;
    dom.setAttribute("aria-controls", id);
    if (block) dom.setAttribute("aria-activedescendant", `${id}-${block.id}`);
    else dom.removeAttribute("aria-activedescendant");
  });

  return (
    <Floating editor={editor} at={() => editor.view.coordsAtPos(from)} side="below" label={rich.slash} role="listbox" id={id} className={css.slash}>
      {found.map((one, i) => (
        <div
          key={one.id}
          id={`${id}-${one.id}`}
          ref={i === chosen ? item : null}
          role="option"
          aria-selected={i === chosen}
          className={css.slashItem}
          onMouseMove={() => setWanted(i)}
          onMouseDown={(event) => {
            event.preventDefault();
            choose(editor, one);
          }}
        >
          <one.icon />
          <span>{one.title}</span>
          <span className={css.slashHint}>{one.hint}</span>
        </div>
      ))}
      {found.length === 0 && <div className={css.slashNone}>{rich.slashNone}</div>}
      <span className="visually-hidden" role="status">
        {rich.slashFound(found.length)}
      </span>
    </Floating>
  );
}
