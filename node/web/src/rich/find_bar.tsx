import type { Editor } from "@tiptap/core";
import { useEditorState } from "@tiptap/react";
import { ALargeSmall, ChevronDown, ChevronUp, Replace, X } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";

import { rich } from "../strings/rich";
import { Button, IconButton, inputClass, toast } from "../ui/kit";
import { go, goToFirst, replaceAll, replaceCurrent, setQuery, stateOf } from "./find";
import css from "./rich_editor.module.css";

interface FindBarProps {
  editor: Editor;
  /** Counts up each time that it is asked for while it is open. */
  asked: number;
  onClose: () => void;
}

export function FindBar({ editor, asked, onClose }: FindBarProps) {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [matchCase, setMatchCase] = useState(false);
  const [replacing, setReplacing] = useState(false);
  const [by, setBy] = useState("");
  const { count, current, writable } = useEditorState({
    editor,
    selector: () => ({
      count: stateOf(editor).matches.length,
      current: stateOf(editor).current + 1,
      writable: editor.isEditable,
    }),
  });

  useEffect(() => {
    const { from, to } = editor.state.selection;
    const selected = editor.state.doc.textBetween(from, to, "\n");
    if (selected && !selected.includes("\n")) setText(selected);
    field.current?.select();
  }, [editor, asked]);
  useEffect(() => {
    setQuery(editor, { text, matchCase });
    if (text) goToFirst(editor);
  }, [editor, text, matchCase]);
  useEffect(
    () => () => {
      if (!editor.isDestroyed) setQuery(editor, null);
    },
    [editor],
  );

  const close = () => {
    onClose();
    editor.commands.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target === field.current) go(editor, event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className={css.findBar} role="search" aria-label={rich.findBar} onKeyDown={onKeyDown}>
      <div className={css.findLine}>
        {writable && (
          <IconButton small label={rich.showReplace} aria-pressed={replacing} onClick={() => setReplacing(!replacing)}>
            <Replace />
          </IconButton>
        )}
        <input
          ref={field}
          autoFocus
          className={inputClass}
          aria-label={rich.findText}
          placeholder={rich.findText}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <span className={css.findCount} role="status">
          {text && rich.findCount(current, count)}
        </span>
        <IconButton small label={rich.findCase} aria-pressed={matchCase} onClick={() => setMatchCase(!matchCase)}>
          <ALargeSmall />
        </IconButton>
        <IconButton small label={rich.findPrevious} keys="Shift+Enter" disabled={count === 0} onClick={() => go(editor, -1)}>
          <ChevronUp />
        </IconButton>
        <IconButton small label={rich.findNext} keys="Enter" disabled={count === 0} onClick={() => go(editor, 1)}>
          <ChevronDown />
        </IconButton>
        <IconButton small label={rich.findClose} keys="Esc" onClick={close}>
          <X />
        </IconButton>
      </div>
      {replacing && writable && (
        <div className={css.findLine}>
          <input
            className={inputClass}
            aria-label={rich.replaceText}
            placeholder={rich.replaceText}
            value={by}
            onChange={(event) => setBy(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              replaceCurrent(editor, by);
            }}
          />
          <Button small disabled={count === 0} onClick={() => replaceCurrent(editor, by)}>
            {rich.replaceOne}
          </Button>
          <Button small disabled={count === 0} onClick={() => toast(rich.replaced(replaceAll(editor, by)))}>
            {rich.replaceAll}
          </Button>
        </div>
      )}
    </div>
  );
}
