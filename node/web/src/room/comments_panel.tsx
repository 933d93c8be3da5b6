// All comments of the open document, in the panel beside it.

import { ChevronDown, ChevronUp, MessageSquare } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";

import { keysText } from "../shell/commands";
import { strings } from "../strings/room";
import { Empty, IconButton } from "../ui/kit";
import { CommentCard } from "./comment_card";
import { DraftCard } from "./comment_draft";
import { commentKeys, nextKeys, previousKeys } from "./comment_layer";
import css from "./comments.module.css";
import { neighbour } from "./order";
import { isDone, useComments, useGone, useReadComments, useShown } from "./use_comments";

export function CommentsPanel() {
  const all = useComments();
  const { open, room, desk, deskState, comments } = all;
  const { roomState } = open;
  const { active, filter, draft } = deskState;
  const gone = useGone(all);
  const list = useRef<HTMLDivElement>(null);
  useShown(desk);
  useReadComments(room, roomState.unreadComments);

  const activeDone = comments.find(({ id }) => id === active);
  useEffect(() => {
    // One that was clicked in the text is shown, whatever is filtered.
    if (activeDone) desk.set({ filter: isDone(activeDone) ? "done" : "open" });
    if (active !== null) {
      list.current?.querySelector(`[data-comment="${CSS.escape(active)}"]`)?.scrollIntoView({ block: "nearest" });
    }
    // Only when another one is looked at.
  }, [desk, active]);

  const openOnes = comments.filter((comment) => !isDone(comment));
  const doneOnes = comments.filter(isDone);
  const shown = filter === "open" ? openOnes : doneOnes;
  const { threads, participants, self, connected } = roomState;
  const { mayComment, mayEdit, person } = open;
  // Not with every key that somebody presses in the text.
  const cards = useMemo(
    () =>
      shown.map((comment) => (
        <CommentCard key={comment.id} all={all} comment={comment} active={comment.id === active} gone={gone.has(comment.id)} margin={false} />
      )),
    [room, comments, filter, active, gone, threads, participants, self, connected, mayComment, mayEdit, person],
  );
  if (!room) return <Empty icon={<MessageSquare />} title={strings.comments.noDocument} />;
  const step = (by: 1 | -1) => {
    const id = neighbour(shown.map((one) => one.id), active, by);
    if (id === null) return;
    desk.look(id);
  };
  return (
    <div className={css.panel}>
      <div className={css.filters}>
        <div role="group" aria-label={strings.comments.filter} className={css.filter}>
          {(["open", "done"] as const).map((one) => (
            <button key={one} type="button" aria-pressed={filter === one} onClick={() => desk.set({ filter: one, active: null })}>
              {strings.comments[one]}
              <span>{one === "open" ? openOnes.length : doneOnes.length}</span>
            </button>
          ))}
        </div>
        <span className={css.spring} />
        <IconButton small label={strings.comments.previous} keys={keysText(previousKeys)} disabled={shown.length === 0} onClick={() => step(-1)}>
          <ChevronUp />
        </IconButton>
        <IconButton small label={strings.comments.next} keys={keysText(nextKeys)} disabled={shown.length === 0} onClick={() => step(1)}>
          <ChevronDown />
        </IconButton>
      </div>
      <div className={css.list} ref={list}>
        {draft && <DraftCard key={`${draft.suggest} ${draft.selection.quote}`} all={all} margin={false} />}
        {cards}
        {shown.length === 0 && !draft && !roomState.commentsLoaded && roomState.connected && <p className={css.note}>{strings.comments.loading}</p>}
        {shown.length === 0 && !draft && roomState.commentsLoaded && (
          <Empty icon={<MessageSquare />} title={filter === "open" ? strings.comments.empty : strings.comments.emptyDone}>
            <p>{filter === "open" ? strings.comments.emptyHint(keysText(commentKeys)) : strings.comments.emptyDoneHint}</p>
          </Empty>
        )}
      </div>
    </div>
  );
}
