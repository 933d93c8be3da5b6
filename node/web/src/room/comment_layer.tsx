// Over the text, always there while a document is open: its comments are highlighted, and what is
// selected can be commented on.

import { Lightbulb, MessageSquarePlus } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import type { Anchor } from "../editor/handle";
import { keysText, useCommands } from "../shell/commands";
import type { Command } from "../shell/offered";
import { useOpenDocument } from "../shell/open_document";
import { shell } from "../strings/shell";
import { strings } from "../strings/room";
import { IconButton, toast } from "../ui/kit";
import { isOwn, nameOf } from "./authors";
import css from "./comments.module.css";
import { neighbour } from "./order";
import { draftId, isDone, useComments } from "./use_comments";

export const commentKeys = "Mod+Alt+M";
export const nextKeys = "Mod+Alt+J";
export const previousKeys = "Mod+Alt+K";

interface CommentLayerProps {
  /** Opens the panel: there is something to see in it. */
  onShowPanel: () => void;
}

export function CommentLayer({ onShowPanel }: CommentLayerProps) {
  const all = useComments();
  const { open, room, desk, deskState, comments, places } = all;
  const { editor, mayComment, roomState } = open;
  const { active, reveal, draft } = deskState;

  const show = useCallback(
    (id: string | null) => {
      desk.set({ active: id });
      if (id !== null && !desk.view().shown) onShowPanel();
    },
    [desk, onShowPanel],
  );

  const anchors = useMemo<Anchor[]>(() => {
    const list = comments
      .filter((comment) => !isDone(comment) || comment.id === active)
      .flatMap((comment): Anchor[] => {
        const place = places.get(comment.id);
        if (!place) return [];
        const kind = comment.suggestion === undefined ? "comment" : "suggestion";
        return [{ ...place, id: comment.id, kind, resolved: isDone(comment), active: comment.id === active }];
      });
    if (draft) {
      const { start, end } = draft.selection;
      list.push({ start, end, id: draftId, kind: draft.suggest ? "suggestion" : "comment", resolved: false, active: true });
    }
    return list;
  }, [comments, places, active, draft]);

  useEffect(() => editor?.setAnchors(anchors), [editor, anchors]);
  useEffect(() => {
    if (reveal === null) return;
    editor?.revealAnchor(reveal);
    desk.set({ reveal: null });
  }, [desk, editor, reveal]);
  useEffect(() => {
    if (!editor) return;
    editor.onAnchorClick = (id) => id !== draftId && show(id);
    return () => {
      editor.onAnchorClick = null;
      editor.setAnchors([]);
    };
  }, [editor, show]);

  // Looking elsewhere ends looking at a comment.
  useEffect(() => {
    if (active === null) return;
    const onDown = (event: PointerEvent) => {
      const target = event.target as Element;
      if (!target.closest("[data-comment], [data-radix-popper-content-wrapper], [role=dialog], [role=menu]")) desk.set({ active: null });
    };
    addEventListener("pointerdown", onDown, { capture: true });
    return () => removeEventListener("pointerdown", onDown, { capture: true });
  }, [desk, active]);

  const begin = useCallback(
    (suggest: boolean) => {
      if (!room || !mayComment) return toast(strings.comments.mayNotComment);
      const selection = editor?.selection();
      if (!selection) return toast(strings.comments.selectFirst);
      desk.set({ draft: { selection, suggest }, active: null, filter: "open" });
      if (!desk.view().shown) onShowPanel();
    },
    [room, mayComment, editor, desk, onShowPanel],
  );

  const ids = useMemo(() => comments.filter((one) => isDone(one) === (deskState.filter === "done")).map(({ id }) => id), [comments, deskState.filter]);
  const step = useCallback(
    (by: 1 | -1) => {
      const id = neighbour(ids, desk.view().active, by);
      if (id === null) return toast(strings.comments.empty);
      show(id);
      desk.look(id);
    },
    [ids, desk, show],
  );

  const commands = useMemo<Command[]>(() => {
    const group = shell.palette.here;
    return [
      { id: "comment", title: strings.comments.comment, keys: commentKeys, group, run: () => begin(false) },
      { id: "suggest", title: strings.comments.suggest, group, run: () => begin(true) },
      { id: "next-comment", title: strings.comments.next, keys: nextKeys, group, run: () => step(1) },
      { id: "previous-comment", title: strings.comments.previous, keys: previousKeys, group, run: () => step(-1) },
    ];
  }, [begin, step]);
  useCommands("comments", commands);

  // What one hears instead of seeing it come.
  const [news, setNews] = useState("");
  const stateRef = useRef(roomState);
  stateRef.current = roomState;
  useEffect(
    () =>
      room?.onEvent((event) => {
        if (event.type !== "add_comment" && event.type !== "code_comment" && event.type !== "reply") return;
        const { message } = event;
        if (isOwn(message.author, stateRef.current)) return;
        const name = nameOf(message.author, stateRef.current);
        const { answered, suggested, said } = strings.comments;
        setNews(event.type === "reply" ? answered(name) : message.suggestion === undefined ? said(name) : suggested(name));
      }),
    [room],
  );

  return (
    <>
      {room && mayComment && !draft && <SelectionTools begin={begin} />}
      <span className="visually-hidden" role="status" aria-live="polite">
        {news}
      </span>
    </>
  );
}

/** Where the end of what is selected is on the screen; null: nobody knows. */
function selectionBottom(frame: Element): number | null {
  const selected = getSelection();
  if (selected && selected.rangeCount > 0 && !selected.isCollapsed && frame.contains(selected.focusNode)) {
    const { bottom, height } = selected.getRangeAt(0).getBoundingClientRect();
    if (height > 0) return bottom;
  }
  // Monaco draws its own caret.
  const caret = frame.querySelector(".monaco-editor .cursors-layer .cursor")?.getBoundingClientRect();
  return caret ? caret.bottom : null;
}

const buttonsPixels = 72;

/** Beside what is selected, once it is. */
function SelectionTools({ begin }: { begin: (suggest: boolean) => void }) {
  const { editor } = useOpenDocument();
  const [top, setTop] = useState<number | null>(null);
  const frame = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!editor) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let pressed = false;
    const look = () => {
      const place = frame.current?.parentElement;
      if (!place || pressed) return;
      if (!editor.selection()) return setTop(null);
      const area = place.getBoundingClientRect();
      const bottom = selectionBottom(place) ?? area.top + 40;
      setTop(Math.max(4, Math.min(bottom - area.top - 28, area.height - buttonsPixels)));
    };
    // While one drags or holds Shift, it would jump about.
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(look, 200);
    };
    const onDown = () => (pressed = true);
    const onUp = () => {
      pressed = false;
      soon();
    };
    const stop = [editor.onSelection(soon), editor.onLayout(soon)];
    addEventListener("pointerdown", onDown, true);
    addEventListener("pointerup", onUp, true);
    soon();
    return () => {
      clearTimeout(timer);
      for (const one of stop) one();
      removeEventListener("pointerdown", onDown, true);
      removeEventListener("pointerup", onUp, true);
    };
  }, [editor]);

  return (
    <div ref={frame} className={css.selectionTools} hidden={top === null} style={{ top: top ?? 0 }}>
      {/* The selection must not go when they are pressed. */}
      <IconButton
        label={strings.comments.comment}
        keys={keysText(commentKeys)}
        onPointerDown={(event) => event.preventDefault()}
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => begin(false)}
      >
        <MessageSquarePlus />
      </IconButton>
      <IconButton
        label={strings.comments.suggest}
        onPointerDown={(event) => event.preventDefault()}
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => begin(true)}
      >
        <Lightbulb />
      </IconButton>
    </div>
  );
}
