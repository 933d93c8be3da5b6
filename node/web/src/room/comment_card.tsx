// A comment with its answers, beside the text or in the panel.

import { Check, Ellipsis, Pencil, RotateCcw, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";

import type { Change, Message } from "../events";
import { Confirm } from "../people/confirm";
import { strings } from "../strings/room";
import { Avatar, Button, IconButton, Menu, MenuItem, Time, Tip, toastError } from "../ui/kit";
import { colorOf, isOwn, nameOf } from "./authors";
import css from "./comments.module.css";
import { Composer } from "./composer";
import { mentionsIn } from "./mentions";
import { MessageText } from "./message_text";
import { ReactionPicker, Reactions } from "./reactions";
import { type Comments, isDone } from "./use_comments";
import { useMembers } from "./use_members";

interface CardProps {
  all: Comments;
  comment: Message;
  active: boolean;
  /** Its text was deleted. */
  gone: boolean;
  /** In the margin the text is beside it. */
  margin: boolean;
}

export function CommentCard({ all, comment, active, gone, margin }: CardProps) {
  const { open, room, desk } = all;
  const { roomState: state, mayComment, mayEdit, workspace, editor } = open;
  const members = useMembers(workspace.id);
  const [editing, setEditing] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<Message | null>(null);
  const thread = state.threads[comment.id];
  const known = thread !== undefined;
  useEffect(() => {
    if (room && !known && state.connected) void room.readThread(comment.id).catch(() => {});
  }, [room, comment.id, known, state.connected]);
  if (!room) return null;

  const amend = (message: Message, change: Change, text?: string) => void room.amend(message.id, change, text).catch(toastError);
  const activate = () => {
    if (!active) desk.look(comment.id);
  };
  const done = isDone(comment);
  const suggestion = comment.suggestion !== undefined;
  const answers = thread?.messages ?? [];
  const shownAnswers = active || answers.length <= 2 ? answers : answers.slice(-1);
  const hidden = answers.length - shownAnswers.length;
  const quote = comment.anchor?.quote ?? "";
  const lines = comment.anchor?.lines;

  const line = (message: Message) => (
    <CommentLine
      key={message.id}
      all={all}
      message={message}
      editing={editing === message.id}
      onEdit={() => setEditing(message.id)}
      onClose={() => setEditing(null)}
      onDelete={() => setDeleting(message)}
      onAmend={(change, text) => amend(message, change, text)}
      tools={
        message === comment &&
        mayComment &&
        (!suggestion || comment.resolved) && (
          <IconButton
            small
            label={done ? strings.comments.reopen : strings.comments.resolve}
            onClick={() => amend(comment, done ? "reopen" : "resolve")}
          >
            {done ? <RotateCcw /> : <Check />}
          </IconButton>
        )
      }
    />
  );

  return (
    <article
      className={css.card}
      data-comment={comment.id}
      data-active={active || undefined}
      data-margin={margin || undefined}
      aria-label={strings.comments.byName(nameOf(comment.author, state), comment.text)}
      aria-current={active || undefined}
      onClick={activate}
      onFocus={activate}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.preventDefault();
        desk.set({ active: null });
        editor?.focus();
      }}
    >
      {(gone || !margin) && !suggestion && quote && (
        <div className={css.quote} data-gone={gone || undefined}>
          {gone && <span>{strings.comments.gone}</span>}
          <q>{quote}</q>
        </div>
      )}
      {lines && !margin && <p className={css.note}>{strings.comments.onLines(lines.first, lines.last ?? lines.first)}</p>}
      {suggestion && <Change from={quote} to={comment.suggestion ?? ""} gone={gone} />}
      {line(comment)}
      {suggestion && (
        <Decision comment={comment} mayEdit={mayEdit} mayComment={mayComment} gone={gone} onDecide={(change) => amend(comment, change)} />
      )}
      {comment.resolved && !suggestion && <p className={css.verdict}>{strings.comments.resolved}</p>}
      {thread?.older && active && (
        <Button small look="quiet" onClick={() => void room.readThread(comment.id).catch(toastError)}>
          {strings.comments.earlier}
        </Button>
      )}
      {hidden > 0 && (
        <Button small look="quiet" className={css.more} onClick={activate}>
          {strings.comments.replies(answers.length)}
        </Button>
      )}
      {shownAnswers.map(line)}
      {mayComment && active && !done && (
        <Composer
          label={strings.comments.reply}
          placeholder={strings.comments.replyPlaceholder}
          members={members}
          limits={state.limits}
          initial={desk.unsent.get(comment.id) ?? ""}
          onText={(text) => desk.unsent.set(comment.id, text)}
          onSend={(text) => room.reply(comment.id, text, mentionsIn(text, members))}
        />
      )}
      {deleting && (
        <Confirm
          title={deleting === comment ? strings.message.deleteComment : strings.message.deleteTitle}
          about={deleting === comment ? strings.message.deleteCommentAbout : strings.message.deleteAbout}
          action={strings.message.delete}
          onClose={() => setDeleting(null)}
          onConfirm={() => room.amend(deleting.id, "delete")}
        />
      )}
    </article>
  );
}

/** What stands there, and what should. */
function Change({ from, to, gone }: { from: string; to: string; gone: boolean }) {
  return (
    <div className={css.change}>
      {gone && <span className={css.note}>{strings.comments.gone}</span>}
      <span className="visually-hidden">{strings.comments.was}</span>
      <del>{from}</del>
      <span className="visually-hidden">{to === "" ? strings.comments.deletes : strings.comments.becomes}</span>
      {to !== "" && <ins>{to}</ins>}
    </div>
  );
}

interface DecisionProps {
  comment: Message;
  mayEdit: boolean;
  mayComment: boolean;
  gone: boolean;
  onDecide: (change: "accept" | "dismiss") => void;
}

function Decision({ comment, mayEdit, mayComment, gone, onDecide }: DecisionProps) {
  if (comment.verdict === "accepted" || comment.verdict === "dismissed") {
    return <p className={css.verdict}>{comment.verdict === "accepted" ? strings.comments.accepted : strings.comments.dismissed}</p>;
  }
  const accept = (
    <Button small look="primary" aria-disabled={!mayEdit || gone || undefined} onClick={() => mayEdit && !gone && onDecide("accept")}>
      {strings.comments.accept}
    </Button>
  );
  const dismiss = (
    <Button small aria-disabled={!mayComment || undefined} onClick={() => mayComment && onDecide("dismiss")}>
      {strings.comments.dismiss}
    </Button>
  );
  return (
    <div className={css.decision}>
      {mayEdit && !gone ? accept : <Tip text={gone ? strings.comments.gone : strings.comments.mayNotEdit}>{accept}</Tip>}
      {mayComment ? dismiss : <Tip text={strings.comments.mayNotComment}>{dismiss}</Tip>}
    </div>
  );
}

interface LineProps {
  all: Comments;
  message: Message;
  editing: boolean;
  onEdit: () => void;
  onClose: () => void;
  onDelete: () => void;
  onAmend: (change: Change, text?: string) => void;
  tools: React.ReactNode;
}

/** The comment itself, or an answer. */
function CommentLine({ all, message, editing, onEdit, onClose, onDelete, onAmend, tools }: LineProps) {
  const { open, room } = all;
  const { roomState: state, person, mayComment, workspace } = open;
  const members = useMembers(workspace.id);
  const name = nameOf(message.author, state);
  const onReact = (emoji: string, on: boolean) => onAmend(on ? "react" : "unreact", emoji);
  return (
    <div className={css.entry} data-id={message.id}>
      <div className={css.entryHead}>
        <Avatar name={name} color={colorOf(message.author, state, person)} size={24} />
        <strong>{name}</strong>
        <Time of={message.time} />
        {message.edited !== undefined && !message.deleted && <span>{strings.edited}</span>}
        <span className={css.spring} />
        {mayComment && !message.deleted && (
          <span className={css.entryTools}>
            <ReactionPicker message={message} state={state} onReact={onReact} />
            {isOwn(message.author, state) && (
              <Menu
                align="end"
                button={
                  <IconButton label={strings.message.more} small>
                    <Ellipsis />
                  </IconButton>
                }
              >
                <MenuItem icon={<Pencil />} onSelect={onEdit}>
                  {strings.message.edit}
                </MenuItem>
                <MenuItem icon={<Trash2 />} danger onSelect={onDelete}>
                  {strings.message.delete}
                </MenuItem>
              </Menu>
            )}
          </span>
        )}
        {tools}
      </div>
      {message.deleted && <p className={css.note}>{strings.deletedMessage}</p>}
      {editing && room ? (
        <Composer
          label={strings.message.editing}
          placeholder=""
          members={members}
          limits={state.limits}
          initial={message.text}
          sendLabel={strings.message.save}
          autoFocus
          onCancel={onClose}
          onSend={async (text) => {
            if (text !== message.text) await room.amend(message.id, "edit", text);
            onClose();
          }}
        />
      ) : (
        message.text && message.text !== strings.comments.suggestionOnly && (
          <MessageText text={message.text} members={members} self={state.self?.device ?? null} />
        )
      )}
      <Reactions message={message} state={state} disabled={!mayComment} onReact={onReact} />
    </div>
  );
}
