// Comments beside their text, where the window is wide enough.

import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "react";

import { strings } from "../strings/room";
import { CommentCard } from "./comment_card";
import { DraftCard } from "./comment_draft";
import css from "./comments.module.css";
import { layoutCards } from "./layout";
import { type Comments, draftId, isDone, useComments, useGone, useReadComments, useShown } from "./use_comments";

/** Narrower, and the text needs the room more. */
const wide = "(min-width: 1100px)";

function useWide(): boolean {
  const [is, setIs] = useState(() => matchMedia(wide).matches);
  useEffect(() => {
    const query = matchMedia(wide);
    const look = () => setIs(query.matches);
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  return is;
}

export function CommentMargin() {
  const all = useComments();
  const { room, comments, deskState } = all;
  const here = useWide();
  useShown(all.desk, here);
  const any = deskState.draft !== null || comments.some((comment) => !isDone(comment));
  // Without comments the text has all the room.
  return here && room && any ? <Cards all={all} /> : null;
}

/** Where the comments are whose text is in view; anew whenever that may have changed. */
function useTops({ open, places, deskState }: Comments): ReadonlyMap<string, number> {
  const { editor } = open;
  const { active, draft } = deskState;
  const [tops, setTops] = useState<ReadonlyMap<string, number>>(new Map());
  useEffect(() => {
    if (!editor) return;
    let frame = 0;
    const look = () => {
      frame = 0;
      const now = editor.anchorTops();
      setTops((before) => {
        const same = before.size === now.size && Array.from(now).every(([id, top]) => before.get(id) === top);
        return same ? before : new Map(now);
      });
    };
    const soon = () => (frame ||= requestAnimationFrame(look));
    // After the layer has told the editor what is highlighted.
    soon();
    const stop = editor.onLayout(soon);
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [editor, places, active, draft]);
  return tops;
}

function Cards({ all }: { all: Comments }) {
  const { open, room, desk, deskState, comments } = all;
  const { active, draft } = deskState;
  const gone = useGone(all);
  const tops = useTops(all);
  const frame = useRef<HTMLElement>(null);
  const [, measure] = useReducer((count: number) => count + 1, 0);
  useReadComments(room, open.roomState.unreadComments);

  // One that is looked at or written stays, where it was, also when its text is scrolled away.
  const lastTops = useRef(new Map<string, number>());
  for (const [id, top] of tops) lastTops.current.set(id, top);
  const shown = comments.filter((comment) => (tops.has(comment.id) && !isDone(comment)) || comment.id === active);
  const ids = [...shown.map(({ id }) => id), ...(draft ? [draftId] : [])];

  const observer = useRef<ResizeObserver | null>(null);
  useEffect(() => {
    observer.current = new ResizeObserver(() => measure());
    return () => observer.current?.disconnect();
  }, []);

  useLayoutEffect(() => {
    const place = frame.current;
    if (!place) return;
    const cards = Array.from(place.children).filter((one): one is HTMLElement => one instanceof HTMLElement);
    for (const card of cards) observer.current?.observe(card);
    const sizes = cards.map((card) => {
      const id = card.dataset["card"] ?? "";
      return { id, top: tops.get(id) ?? lastTops.current.get(id) ?? 0, height: card.offsetHeight };
    });
    const placed = layoutCards(sizes, draft ? draftId : active);
    for (const card of cards) card.style.translate = `0 ${placed.get(card.dataset["card"] ?? "") ?? 0}px`;
  });

  return (
    <aside className={css.margin} aria-label={strings.comments.label} ref={frame} onClick={(event) => event.target === event.currentTarget && desk.set({ active: null })}>
      {ids.map((id) => {
        const comment = shown.find((one) => one.id === id);
        return (
          <div key={id} data-card={id} className={css.marginCard} data-front={id === active || id === draftId || undefined}>
            {comment ? (
              <CommentCard all={all} comment={comment} active={id === active} gone={gone.has(id)} margin />
            ) : (
              <DraftCard key={`${draft?.suggest} ${draft?.selection.quote}`} all={all} margin />
            )}
          </div>
        );
      })}
    </aside>
  );
}
