// Beside the image that is selected: what it shows, in words.

import type { Editor } from "@tiptap/core";
import { NodeSelection } from "@tiptap/pm/state";
import { Trash2 } from "lucide-react";
import { useEffect, useState } from "react";

import { rich } from "../strings/rich";
import { IconButton, inputClass } from "../ui/kit";
import { Floating } from "./floating";
import css from "./rich_editor.module.css";
import { useEditorValue } from "./use_editor_value";

export function ImageBubble({ editor }: { editor: Editor }) {
  const image = useEditorValue(editor, () => {
    const { selection } = editor.state;
    if (!(selection instanceof NodeSelection) || selection.node.type.name !== "image") return null;
    const alt: unknown = selection.node.attrs["alt"];
    return { at: selection.from, alt: typeof alt === "string" ? alt : "" };
  });
  if (!image || !editor.isEditable) return null;
  const at = () => {
    const dom = editor.view.nodeDOM(image.at);
    return dom instanceof Element ? (dom.firstElementChild ?? dom).getBoundingClientRect() : null;
  };
  return (
    <Floating editor={editor} at={at} side="below" label={rich.imageTools} className={css.imageBubble}>
      <AltField key={image.at} editor={editor} {...image} />
      <IconButton small label={rich.imageRemove} onClick={() => editor.chain().focus().deleteSelection().run()}>
        <Trash2 />
      </IconButton>
    </Floating>
  );
}

/** Written into the document when it is left, not at each key. */
function AltField({ editor, at, alt }: { editor: Editor; at: number; alt: string }) {
  const [typed, setTyped] = useState(alt);
  useEffect(() => setTyped(alt), [alt]);
  const save = () => {
    if (typed === alt || editor.isDestroyed || editor.state.doc.nodeAt(at)?.type.name !== "image") return;
    editor.commands.command(({ tr }) => Boolean(tr.setNodeAttribute(at, "alt", typed.trim() || null)));
  };
  return (
    <input
      className={inputClass}
      aria-label={rich.imageAlt}
      placeholder={`${rich.imageAlt}: ${rich.imageAltHint.toLowerCase()}`}
      value={typed}
      maxLength={300}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault();
        if (event.key === "Enter") save();
        editor.commands.focus();
      }}
    />
  );
}
