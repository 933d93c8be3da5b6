import {
  type FormEvent,
  type KeyboardEvent,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";

import { Typing } from "../activity";
import type { Member } from "../api";
import type { Author, Message } from "../events";
import { cleanName } from "../person";
import { complete, completions, mentionsIn, type Room, type RoomState, sameAuthor } from "../room";
import type { Session, SessionView } from "../sync";

/** As the node has it, kMessageBytesMax. */
const messageBytesMax = 8192;
const emojis = ["👍", "❤️", "😄", "🎉", "👀"];
/** Nearer to the end than this, in pixels, the list follows what comes. */
const atEnd = 40;

interface ChatProps {
  session: Session;
  view: SessionView;
  room: Room | null;
  state: RoomState;
  members: Member[];
}

const nameOf = (author: Author) =>
  (author.name && cleanName(author.name)) || (author.guest ? "Guest" : author.device.slice(0, 8));

const sayProblem = (error: unknown) => (error instanceof Error ? error.message : String(error));

export function Chat({ session, view, room, state, members }: ChatProps) {
  const [problem, setProblem] = useState("");
  const [answering, setAnswering] = useState<Message | null>(null);
  const [editing, setEditing] = useState<Message | null>(null);
  const attempt = (what: Promise<void> | undefined) => {
    setProblem("");
    return what?.catch((error: unknown) => setProblem(sayProblem(error)));
  };
  useEffect(() => {
    if (state.unread > 0 && document.visibilityState === "visible") void room?.markRead().catch(() => {});
  }, [room, state]);

  if (!room) return <p className="hint">The chat begins with the first edit of this document.</p>;
  const maySpeak = ["host", "editor", "commenter"].includes(state.role);
  const typing = view.participants.filter((one) => one.typing && !one.self).map(({ name }) => name);
  return (
    <>
      <Messages
        state={state}
        onOlder={() => attempt(room.readOlder())}
        row={(message) => (
          <MessageRow
            key={message.id}
            message={message}
            answered={state.messages.find(({ id }) => id === message.reply)}
            state={state}
            maySpeak={maySpeak}
            onReply={() => (setEditing(null), setAnswering(message))}
            onEdit={() => (setAnswering(null), setEditing(message))}
            onDelete={() => attempt(room.amend(message.id, "delete"))}
            onReact={(emoji, on) => attempt(room.amend(message.id, on ? "react" : "unreact", emoji))}
          />
        )}
      />
      <p className="typing quiet" role="status">
        {typing.length === 1 && `${typing[0]} is typing…`}
        {typing.length > 1 && `${typing.length} people are typing…`}
      </p>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {!state.connected && <p className="quiet offline">Not connected: trying again…</p>}
      {maySpeak && (
        <Composer
          key={editing?.id ?? "new"}
          session={session}
          members={members}
          initial={editing?.text ?? ""}
          about={editing ? "Changing your message" : answering ? `Answering ${nameOf(answering.author)}` : ""}
          onCancel={() => (setEditing(null), setAnswering(null))}
          onSend={async (text) => {
            setProblem("");
            try {
              if (editing) await room.amend(editing.id, "edit", text);
              else await room.post(text, mentionsIn(text, members), answering?.id);
              setEditing(null);
              setAnswering(null);
              return true;
            } catch (error) {
              setProblem(sayProblem(error));
              return false;
            }
          }}
        />
      )}
    </>
  );
}

interface MessagesProps {
  state: RoomState;
  onOlder: () => Promise<void> | undefined;
  row: (message: Message) => React.ReactNode;
}

/** Stays at the end while one is there, and where one is while older ones come in above. */
function Messages({ state, onOlder, row }: MessagesProps) {
  const list = useRef<HTMLOListElement>(null);
  const fromEnd = useRef(0);
  const asking = useRef(false);
  useLayoutEffect(() => {
    const element = list.current;
    if (element) element.scrollTop = element.scrollHeight - element.clientHeight - fromEnd.current;
  }, [state.messages]);
  const onScroll = () => {
    const element = list.current;
    if (!element) return;
    const below = element.scrollHeight - element.clientHeight - element.scrollTop;
    fromEnd.current = below < atEnd ? 0 : below;
    if (element.scrollTop > atEnd || state.older === null || asking.current) return;
    asking.current = true;
    void onOlder()?.finally(() => (asking.current = false));
  };
  return (
    <ol className="messages" ref={list} onScroll={onScroll} tabIndex={0} aria-label="Messages" role="log">
      {state.older !== null && (
        <li>
          <button type="button" className="plain" onClick={() => void onOlder()}>
            Older messages
          </button>
        </li>
      )}
      {state.messages.map(row)}
      {state.connected && state.messages.length === 0 && <li className="hint">Nobody said anything yet.</li>}
    </ol>
  );
}

interface MessageRowProps {
  message: Message;
  answered: Message | undefined;
  state: RoomState;
  maySpeak: boolean;
  onReply: () => void;
  onEdit: () => void;
  onDelete: () => void;
  onReact: (emoji: string, on: boolean) => void;
}

function MessageRow(props: MessageRowProps) {
  const { message, answered, state, maySpeak, onReact } = props;
  const own = sameAuthor(message.author, state.self);
  const time = new Date(message.time);
  const given = (emoji: string) =>
    message.reactions.some((one) => one.emoji === emoji && one.by.some((author) => sameAuthor(author, state.self)));
  return (
    <li className="message" data-own={own} data-id={message.id}>
      <p className="message-head">
        <strong>{nameOf(message.author)}</strong>
        <time dateTime={time.toISOString()} title={time.toLocaleString()}>
          {time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}
        </time>
        {message.edited !== undefined && !message.deleted && <span className="quiet">edited</span>}
      </p>
      {message.reply && (
        <p className="answered quiet">
          {answered ? `${nameOf(answered.author)}: ${answered.deleted ? "deleted" : answered.text}` : "An older message"}
        </p>
      )}
      {message.deleted ? (
        <p className="quiet tombstone">This message was deleted.</p>
      ) : (
        <p className="message-text">{message.text}</p>
      )}
      {message.reactions.length > 0 && (
        <p className="reactions">
          {message.reactions.map(({ emoji, by }) => (
            <button
              key={emoji}
              type="button"
              disabled={!maySpeak}
              aria-pressed={given(emoji)}
              title={by.map(nameOf).join(", ")}
              onClick={() => onReact(emoji, !given(emoji))}
            >
              {emoji} {by.length}
            </button>
          ))}
        </p>
      )}
      {maySpeak && !message.deleted && (
        <div className="message-tools">
          {emojis.map((emoji) => (
            <button
              key={emoji}
              type="button"
              aria-label={`React with ${emoji}`}
              aria-pressed={given(emoji)}
              onClick={() => onReact(emoji, !given(emoji))}
            >
              {emoji}
            </button>
          ))}
          <button type="button" onClick={props.onReply}>
            Reply
          </button>
          {own && (
            <button type="button" onClick={props.onEdit}>
              Edit
            </button>
          )}
          {own && (
            <button type="button" onClick={props.onDelete}>
              Delete
            </button>
          )}
        </div>
      )}
    </li>
  );
}

interface ComposerProps {
  session: Session;
  members: Member[];
  initial: string;
  /** What the text is for, if not a new message. */
  about: string;
  onCancel: () => void;
  onSend: (text: string) => Promise<boolean>;
}

function Composer({ session, members, initial, about, onCancel, onSend }: ComposerProps) {
  const [text, setText] = useState(initial);
  const [busy, setBusy] = useState(false);
  const [chosen, setChosen] = useState(0);
  const input = useRef<HTMLTextAreaElement>(null);
  const typing = useMemo(() => new Typing((now) => session.show({ typing: now })), [session]);
  useEffect(() => () => typing.stop(), [typing]);
  useEffect(() => {
    if (about) input.current?.focus();
  }, [about]);

  const names = useMemo(() => Array.from(new Set(members.map(({ name }) => name))), [members]);
  const offered = completions(text, names);
  const take = (name: string) => {
    setText(complete(text, name));
    setChosen(0);
    input.current?.focus();
  };
  const tooLong = new TextEncoder().encode(text).length > messageBytesMax;
  const send = async () => {
    if (busy || tooLong || text.trim() === "") return;
    typing.stop();
    setBusy(true);
    if (await onSend(text.trim())) setText("");
    setBusy(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const current = offered[chosen % offered.length];
    if (current !== undefined && ["ArrowDown", "ArrowUp", "Tab", "Enter"].includes(event.key)) {
      event.preventDefault();
      if (event.key === "ArrowDown") setChosen((chosen + 1) % offered.length);
      else if (event.key === "ArrowUp") setChosen((chosen + offered.length - 1) % offered.length);
      else take(current);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape" && about) {
      onCancel();
    }
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void send();
  };
  return (
    <form className="composer" onSubmit={onSubmit}>
      {about && (
        <p className="about">
          {about}
          <button type="button" className="plain" onClick={onCancel}>
            Cancel
          </button>
        </p>
      )}
      {offered.length > 0 && (
        <ul className="offered" role="listbox" aria-label="Members">
          {offered.map((name, index) => (
            <li key={name} role="option" aria-selected={index === chosen % offered.length} onClick={() => take(name)}>
              @{name}
            </li>
          ))}
        </ul>
      )}
      <textarea
        ref={input}
        rows={2}
        placeholder="Write a message"
        aria-label="Message"
        aria-invalid={tooLong}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          typing.pressed();
        }}
        onKeyDown={onKeyDown}
        onBlur={() => typing.stop()}
      />
      {tooLong && <p className="problem">This message is longer than {messageBytesMax} bytes.</p>}
      <button type="submit" className="primary" disabled={busy || tooLong || text.trim() === ""}>
        Send
      </button>
    </form>
  );
}
