// The link at the caret: its address, and a field to change it.

import { type Editor, getMarkRange } from "@tiptap/core";
import { ExternalLink, Pencil, Unlink } from "lucide-react";
import { type FormEvent, useState } from "react";

import { rich } from "../strings/rich";
import { Button, IconButton, TextField } from "../ui/kit";
import { Floating } from "./floating";
import { isLinkable, toAddress } from "./links";
import css from "./rich_editor.module.css";
import { useEditorValue } from "./use_editor_value";

interface LinkBubbleProps {
  editor: Editor;
  editing: boolean;
  onEditing: (editing: boolean) => void;
}

export function LinkBubble({ editor, editing, onEditing }: LinkBubbleProps) {
  const { address, from } = useEditorValue(editor, () => {
    const { state } = editor;
    const href: unknown = editor.getAttributes("link")["href"];
    const type = state.schema.marks["link"];
    const range = type && typeof href === "string" ? getMarkRange(state.selection.$from, type) : undefined;
    return { address: typeof href === "string" ? href : "", from: range?.from ?? (editing ? state.selection.from : 0) };
  });
  if (!editing && !address) return null;
  const at = () => editor.view.coordsAtPos(Math.min(from, editor.state.doc.content.size));
  return (
    <Floating editor={editor} at={at} side="below" label={rich.link} role={editing ? "dialog" : "group"}>
      {editing ? (
        <LinkForm editor={editor} address={address} onDone={() => onEditing(false)} />
      ) : (
        <>
          <span className={css.address} title={address}>
            {address.replace(/^(https?:\/\/|mailto:)/, "")}
          </span>
          {isLinkable(address) && (
            <IconButton small label={rich.linkOpen} onClick={() => window.open(address, "_blank", "noopener,noreferrer")}>
              <ExternalLink />
            </IconButton>
          )}
          {editor.isEditable && (
            <>
              <IconButton small label={rich.linkEdit} onClick={() => onEditing(true)}>
                <Pencil />
              </IconButton>
              <IconButton small label={rich.linkRemove} onClick={() => editor.chain().focus().unsetLink().run()}>
                <Unlink />
              </IconButton>
            </>
          )}
        </>
      )}
    </Floating>
  );
}

function LinkForm({ editor, address, onDone }: { editor: Editor; address: string; onDone: () => void }) {
  const [typed, setTyped] = useState(address);
  const [problem, setProblem] = useState<string | null>(null);
  const done = () => {
    onDone();
    editor.commands.focus();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const href = toAddress(typed);
    if (!typed.trim()) {
      editor.chain().focus().unsetLink().run();
      return done();
    }
    if (!href) return setProblem(rich.linkRefused);
    const chain = editor.chain().focus();
    if (address) chain.extendMarkRange("link").setLink({ href }).run();
    else if (editor.state.selection.empty) {
      chain.insertContent({ type: "text", text: typed.trim(), marks: [{ type: "link", attrs: { href } }] }).unsetMark("link").run();
    } else chain.setLink({ href }).run();
    done();
  };
  return (
    <form
      className={css.linkForm}
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        done();
      }}
    >
      <TextField
        autoFocus
        label={rich.linkAddress}
        placeholder={rich.linkHint}
        inputMode="url"
        value={typed}
        problem={problem}
        onChange={(event) => {
          setTyped(event.target.value);
          setProblem(null);
        }}
      />
      <Button type="submit" look="primary">
        {rich.linkSave}
      </Button>
    </form>
  );
}
