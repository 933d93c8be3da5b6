// One message of the chat.

import { CornerDownRight, Ellipsis, Pencil, Reply, Trash2 } from "lucide-react";

import type { Member } from "../api";
import type { Message } from "../events";
import type { Person } from "../person";
import { strings } from "../strings/room";
import { Avatar, fullTime, IconButton, Menu, MenuItem } from "../ui/kit";
import { colorOf, isOwn, nameOf } from "./authors";
import { Composer } from "./composer";
import { MessageText } from "./message_text";
import { ReactionPicker, Reactions } from "./reactions";
import css from "./room.module.css";
import type { RoomState } from "./state";

interface ChatMessageProps {
  message: Message;
  /** Of its group: it has the author and the time. */
  first: boolean;
  state: RoomState;
  members: readonly Member[];
  person: Person;
  maySpeak: boolean;
  answered: Message | undefined;
  editing: boolean;
  onReply: () => void;
  onEdit: () => void;
  onSave: (text: string) => Promise<void>;
  onCancelEdit: () => void;
  onDelete: () => void;
  onReact: (emoji: string, on: boolean) => void;
}

const clock = (time: number) => new Date(time).toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });

export function ChatMessage(props: ChatMessageProps) {
  const { message, first, state, members, person, maySpeak, answered, editing } = props;
  const own = isOwn(message.author, state);
  const name = nameOf(message.author, state);
  const mentionsSelf = state.self !== null && message.mentions.includes(state.self.device) && !own;
  return (
    <li className={css.message} data-id={message.id} data-own={own} data-first={first || undefined} data-mentioned={mentionsSelf || undefined}>
      {first ? (
        <Avatar name={name} color={colorOf(message.author, state, person)} size={28} />
      ) : (
        <time className={css.sideTime} dateTime={new Date(message.time).toISOString()} title={fullTime(message.time)}>
          {clock(message.time)}
        </time>
      )}
      <div className={css.messageBody}>
        {first && (
          <p className={css.head}>
            <strong>{name}</strong>
            <time dateTime={new Date(message.time).toISOString()} title={fullTime(message.time)}>
              {clock(message.time)}
            </time>
          </p>
        )}
        {message.reply && <Answered message={answered} state={state} />}
        {message.deleted && <p className={css.tombstone}>{strings.deletedMessage}</p>}
        {!message.deleted && editing && (
          <Composer
            label={strings.message.editing}
            placeholder=""
            members={members}
            limits={state.limits}
            initial={message.text}
            sendLabel={strings.message.save}
            autoFocus
            onSend={props.onSave}
            onCancel={props.onCancelEdit}
          />
        )}
        {!message.deleted && !editing && (
          <>
            <MessageText text={message.text} members={members} self={state.self?.device ?? null} />
            {message.edited !== undefined && (
              <span className={css.edited} title={fullTime(message.edited)}>
                {strings.edited}
              </span>
            )}
          </>
        )}
        <Reactions message={message} state={state} disabled={!maySpeak} onReact={props.onReact} />
      </div>
      {maySpeak && !message.deleted && !editing && (
        <div className={css.tools}>
          <ReactionPicker message={message} state={state} onReact={props.onReact} />
          <IconButton label={strings.message.reply} small onClick={props.onReply}>
            <Reply />
          </IconButton>
          {own && (
            <Menu
              align="end"
              button={
                <IconButton label={strings.message.more} small>
                  <Ellipsis />
                </IconButton>
              }
            >
              <MenuItem icon={<Pencil />} onSelect={props.onEdit}>
                {strings.message.edit}
              </MenuItem>
              <MenuItem icon={<Trash2 />} danger onSelect={props.onDelete}>
                {strings.message.delete}
              </MenuItem>
            </Menu>
          )}
        </div>
      )}
    </li>
  );
}

/** What it answers; pressing it goes there. */
function Answered({ message, state }: { message: Message | undefined; state: RoomState }) {
  if (!message) {
    return (
      <p className={css.answered}>
        <CornerDownRight aria-hidden="true" />
        {strings.olderMessage}
      </p>
    );
  }
  const name = nameOf(message.author, state);
  const show = () =>
    document.querySelector(`[data-id="${CSS.escape(message.id)}"]`)?.scrollIntoView({ block: "center", behavior: "smooth" });
  return (
    <button type="button" className={css.answered} aria-label={strings.message.jumpToReplied(name)} onClick={show}>
      <CornerDownRight aria-hidden="true" />
      <span>
        <strong>{name}</strong> {message.deleted ? strings.deletedMessage : message.text}
      </span>
    </button>
  );
}
