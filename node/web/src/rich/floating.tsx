// What floats beside a place in the text: it scrolls with it, and stays within the page's width.

import type { Editor } from "@tiptap/core";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";

import css from "./rich_editor.module.css";

interface FloatingProps {
  editor: Editor;
  /** Where, in the window's pixels. Asked anew after each change. */
  at: () => { left: number; top: number; bottom: number } | null;
  side: "above" | "below";
  label: string;
  role?: "dialog" | "toolbar" | "listbox" | "group";
  id?: string;
  className?: string;
  children: ReactNode;
}

const gap = 6;

export function Floating({ editor, at, side, label, role = "group", id, className, children }: FloatingProps) {
  const element = useRef<HTMLDivElement>(null);
  const [, measureAgain] = useState(0);

  useEffect(() => {
    const again = () => measureAgain((count) => count + 1);
    addEventListener("resize", again);
    editor.on("transaction", again);
    return () => {
      removeEventListener("resize", again);
      editor.off("transaction", again);
    };
  }, [editor]);

  useLayoutEffect(() => {
    const box = element.current;
    const around = box?.offsetParent;
    const place = editor.isDestroyed ? null : at();
    if (!box || !around || !place) return;
    const frame = around.getBoundingClientRect();
    const room = { top: place.top - frame.top, bottom: frame.bottom - place.bottom };
    const fits = (wanted: number) => wanted >= box.offsetHeight + gap;
    const above = side === "above" ? fits(room.top) || !fits(room.bottom) : !fits(room.bottom) && fits(room.top);
    const top = above ? place.top - box.offsetHeight - gap : place.bottom + gap;
    const left = Math.max(8, Math.min(place.left - frame.left, around.clientWidth - box.offsetWidth - 8));
    box.style.top = `${top - frame.top + around.scrollTop}px`;
    box.style.left = `${left}px`;
    box.style.visibility = "visible";
  });

  return (
    <div ref={element} id={id} role={role} aria-label={label} className={[css.floating, className].filter(Boolean).join(" ")}>
      {children}
    </div>
  );
}
