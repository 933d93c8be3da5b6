// The comments of the open document, with where they are, for all that shows them.

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";

import type { Message } from "../events";
import type { TextPlace } from "../editor/handle";
import type { Room } from "../room";
import { type OpenDocument, useOpenDocument } from "../shell/open_document";
import { textRoot } from "../sync";
import { CommentDesk, type DeskState } from "./desk";
import { inOrder } from "./order";
import { isGone, isHere, placeOf } from "./places";

const lookEveryMs = 700;

/** The name under which a comment that is being written is highlighted. */
export const draftId = "draft";

const noDesk = new CommentDesk();

/** Where old comments are is said for the moment they come: kept as positions from then on. */
const kept = new WeakMap<Room, Map<string, TextPlace>>();

function placesOf(open: OpenDocument, room: Room): Map<string, TextPlace> {
  const known = kept.get(room) ?? new Map<string, TextPlace>();
  kept.set(room, known);
  if (!open.view.loaded) return new Map(known);
  for (const { id, anchor } of open.roomState.comments) {
    if (!anchor || known.has(id)) continue;
    const place = placeOf(anchor, open.rich ? null : open.session.text, textRoot);
    if (place) known.set(id, place);
  }
  return new Map(known);
}

export const isDone = ({ resolved, verdict = "open" }: Message): boolean => resolved === true || verdict !== "open";

export interface Comments {
  open: OpenDocument;
  room: Room | null;
  desk: CommentDesk;
  deskState: DeskState;
  /** Those that are not deleted, as they stand in the text. */
  comments: Message[];
  places: ReadonlyMap<string, TextPlace>;
}

export function useComments(): Comments {
  const open = useOpenDocument();
  const { room, roomState, session, view, rich } = open;
  const desk = room?.desk ?? noDesk;
  const deskState = useSyncExternalStore(desk.subscribe, desk.view);
  const { loaded } = view;
  const [tries, setTries] = useState(0);
  const places = useMemo(
    () => (room ? placesOf({ ...open }, room) : new Map<string, TextPlace>()),
    // What else is in `open` changes with every key.
    [room, roomState.comments, loaded, rich, tries],
  );
  const { doc } = session;
  useEffect(() => {
    // A comment may come before its text.
    const missing = roomState.comments.some(({ id, deleted, anchor }) => {
      const place = places.get(id);
      return !deleted && anchor !== undefined && !(place && isHere(place, doc));
    });
    if (!missing) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => (timer ??= setTimeout(() => setTries((count) => count + 1), lookEveryMs));
    doc.on("update", soon);
    return () => {
      doc.off("update", soon);
      clearTimeout(timer);
    };
  }, [doc, roomState.comments, places]);
  const comments = useMemo(
    () => inOrder(roomState.comments.filter(({ deleted }) => !deleted), places, session.doc),
    [roomState.comments, places, session],
  );
  return { open, room, desk, deskState, comments, places };
}

/** Those of `comments` whose text was deleted. */
export function useGone({ open, comments, places }: Comments): ReadonlySet<string> {
  const { doc } = open.session;
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      timer = undefined;
      const now = comments.filter(({ id, anchor }) => {
        const place = places.get(id);
        return place ? isGone(place, doc) : anchor?.text_deleted === true;
      });
      setGone((before) => {
        const same = before.size === now.length && now.every(({ id }) => before.has(id));
        return same ? before : new Set(now.map(({ id }) => id));
      });
    };
    const soon = () => (timer ??= setTimeout(look, lookEveryMs));
    look();
    doc.on("update", soon);
    return () => {
      doc.off("update", soon);
      clearTimeout(timer);
    };
  }, [doc, comments, places]);
  return gone;
}

/** While comments are shown and the page is in front, they are read. */
export function useReadComments(room: Room | null, unread: number): void {
  useEffect(() => {
    if (!room || unread === 0) return;
    const mark = () => document.visibilityState === "visible" && void room.markCommentsRead().catch(() => {});
    const timer = setTimeout(mark, 1000);
    document.addEventListener("visibilitychange", mark);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", mark);
    };
  }, [room, unread]);
}

/** Whoever shows cards says so: then nothing else must be opened for them. */
export function useShown(desk: CommentDesk, shown = true): void {
  useEffect(() => {
    if (!shown) return;
    desk.set({ shown: true });
    return () => desk.set({ shown: false });
  }, [desk, shown]);
}
