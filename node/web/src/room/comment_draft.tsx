// A comment that is being written, or a change that is being suggested.

import { useState } from "react";

import { strings } from "../strings/room";
import { TextArea } from "../ui/kit";
import css from "./comments.module.css";
import { Composer } from "./composer";
import { mentionsIn } from "./mentions";
import { type Comments, draftId } from "./use_comments";
import { useMembers } from "./use_members";

export function DraftCard({ all, margin }: { all: Comments; margin: boolean }) {
  const { open, room, desk, deskState } = all;
  const { draft } = deskState;
  const members = useMembers(open.workspace.id);
  const quote = draft?.selection.quote ?? "";
  const [replacement, setReplacement] = useState(quote);
  if (!draft || !room) return null;
  const { suggest, selection } = draft;
  const cancel = () => {
    desk.set({ draft: null });
    open.editor?.focus();
  };
  return (
    <article className={css.card} data-comment={draftId} data-active data-margin={margin || undefined} aria-label={suggest ? strings.comments.newSuggestion : strings.comments.newComment}>
      <h3 className={css.draftTitle}>{suggest ? strings.comments.newSuggestion : strings.comments.newComment}</h3>
      {!margin && quote && (
        <div className={css.quote}>
          <q>{quote}</q>
        </div>
      )}
      {suggest && (
        <TextArea
          label={strings.comments.replacement}
          hint={replacement === quote ? strings.comments.unchanged : strings.comments.replacementEmpty}
          autoFocus
          value={replacement}
          onChange={(event) => setReplacement(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.preventDefault();
            cancel();
          }}
        />
      )}
      <Composer
        label={suggest ? strings.comments.suggestPlaceholder : strings.comments.newComment}
        placeholder={suggest ? strings.comments.suggestPlaceholder : strings.comments.placeholder}
        members={members}
        limits={open.roomState.limits}
        initial={desk.unsent.get("") ?? ""}
        onText={(text) => desk.unsent.set("", text)}
        sendLabel={suggest ? strings.comments.postSuggestion : strings.comments.post}
        autoFocus={!suggest}
        mayBeEmpty={suggest}
        blocked={suggest && replacement === quote}
        onCancel={cancel}
        onSend={async (text) => {
          const said = text || strings.comments.suggestionOnly;
          const id = await room.comment(selection, said, mentionsIn(said, members), suggest ? replacement : undefined);
          desk.set({ draft: null, active: id ?? null });
          open.editor?.focus();
        }}
      />
    </article>
  );
}
