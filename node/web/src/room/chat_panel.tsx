// The chat of the open document.

import { ArrowDown, MessageSquare, WifiOff } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import { strings } from "../strings/room";
import type { Message } from "../events";
import type { Room } from "../room";
import { useOpenDocument } from "../shell/open_document";
import { Button, Empty, toastError } from "../ui/kit";
import { Confirm } from "../people/confirm";
import { isOwn, nameOf, othersOf } from "./authors";
import { ChatMessage } from "./chat_message";
import { Composer, type ComposerHandle } from "./composer";
import { dayTitle, groupMessages } from "./groups";
import { mentionsIn } from "./mentions";
import css from "./room.module.css";
import { typingNames } from "./typing";
import { useMembers } from "./use_members";

/** Nearer to an end than this, in pixels, one is there. */
const nearPixels = 40;

/** What was not sent yet, while the panel is closed. */
const drafts = new WeakMap<Room, string>();

/** Whether the page is in front. */
function useVisible(): boolean {
  const [visible, setVisible] = useState(document.visibilityState === "visible");
  useEffect(() => {
    const look = () => setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return visible;
}

export function ChatPanel() {
  const { room, roomState: state, session, view, workspace, mayComment, person } = useOpenDocument();
  const members = useMembers(workspace.id);
  const [answering, setAnswering] = useState<Message | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<Message | null>(null);
  const [news, setNews] = useState("");
  const composer = useRef<ComposerHandle>(null);
  const visible = useVisible();
  const onTyping = useCallback((typing: boolean) => (session.show({ typing }), room?.show({ typing })), [session, room]);

  useEffect(() => {
    room?.watch(visible && state.chatLoaded);
  }, [room, visible, state.chatLoaded]);
  useEffect(() => () => room?.watch(false), [room]);

  // What one hears instead of seeing it come.
  const stateRef = useRef(state);
  stateRef.current = state;
  useEffect(
    () =>
      room?.onEvent((event) => {
        if (event.type !== "chat_message" || isOwn(event.message.author, stateRef.current)) return;
        setNews(`${nameOf(event.message.author, stateRef.current)}: ${event.message.text}`);
      }),
    [room],
  );

  const { messages, older, chatLoaded, unreadSince, participants, self, connected } = state;
  // Not with every key that somebody presses in the text.
  const list = useMemo(() => {
    if (!room) return null;
    const closeEdit = () => (setEditing(null), composer.current?.focus());
    return (
      <Messages
        open={{ room, state }}
        row={(message, first) => (
          <ChatMessage
            key={message.id}
            message={message}
            first={first}
            state={state}
            members={members}
            person={person}
            maySpeak={mayComment}
            answered={messages.find(({ id }) => id === message.reply)}
            editing={editing === message.id}
            onReply={() => (setAnswering(message), setEditing(null), composer.current?.focus())}
            onEdit={() => setEditing(message.id)}
            onSave={async (text) => {
              if (text !== message.text) await room.amend(message.id, "edit", text);
              closeEdit();
            }}
            onCancelEdit={closeEdit}
            onDelete={() => setDeleting(message)}
            onReact={(emoji, on) => void room.amend(message.id, on ? "react" : "unreact", emoji).catch(toastError)}
          />
        )}
      />
    );
  }, [room, messages, older, chatLoaded, unreadSince, participants, self, connected, members, person, mayComment, editing]);

  if (!room) {
    return (
      <Empty icon={<MessageSquare />} title={strings.chat.noDocument}>
        <p>{strings.chat.noDocumentHint}</p>
      </Empty>
    );
  }

  const typing = typingNames(view.participants, othersOf(state, person));
  const ownMessages = state.messages.filter((one) => isOwn(one.author, state) && !one.deleted);
  return (
    <div className={css.panel}>
      {!state.connected && <Line icon={<WifiOff />}>{state.refused ?? strings.offline}</Line>}
      {list}
      <p className={css.typing} role="status">
        {typing.length > 0 && strings.chat.typing(typing)}
      </p>
      <span className="visually-hidden" role="log" aria-live="polite">
        {news}
      </span>
      {mayComment ? (
        <Composer
          ref={composer}
          label={strings.chat.composer}
          placeholder={strings.chat.placeholder}
          members={members}
          limits={state.limits}
          initial={drafts.get(room) ?? ""}
          onText={(text) => drafts.set(room, text)}
          onTyping={onTyping}
          onUp={() => setEditing(ownMessages.at(-1)?.id ?? null)}
          onCancel={answering ? () => setAnswering(null) : undefined}
          about={
            answering && (
              <div className={css.about}>
                <span>{strings.message.replyingTo(nameOf(answering.author, state))}</span>
                <Button small look="quiet" onClick={() => setAnswering(null)}>
                  {strings.message.cancel}
                </Button>
              </div>
            )
          }
          onSend={async (text) => {
            await room.post(text, mentionsIn(text, members), answering?.id);
            setAnswering(null);
          }}
        />
      ) : (
        <Line>{strings.readOnly}</Line>
      )}
      {deleting && (
        <Confirm
          title={strings.message.deleteTitle}
          about={strings.message.deleteAbout}
          action={strings.message.delete}
          onClose={() => setDeleting(null)}
          onConfirm={() => room.amend(deleting.id, "delete")}
        />
      )}
    </div>
  );
}

const Line = ({ icon, children }: { icon?: ReactNode; children: ReactNode }) => (
  <p className={css.line} role="status">
    {icon}
    {children}
  </p>
);

interface MessagesProps {
  open: { room: Room; state: ReturnType<Room["view"]> };
  row: (message: Message, first: boolean) => ReactNode;
}

/** Stays at the end while one is there, and where one is while older ones come in above. */
function Messages({ open: { room, state }, row }: MessagesProps) {
  const list = useRef<HTMLDivElement>(null);
  const fromEnd = useRef(0);
  const begun = useRef(false);
  const [atEnd, setAtEnd] = useState(true);
  const [reading, setReading] = useState(false);
  const days = useMemo(() => groupMessages(state.messages, state.unreadSince), [state.messages, state.unreadSince]);

  useLayoutEffect(() => {
    const element = list.current;
    if (!element || !state.chatLoaded) return;
    const line = element.querySelector<HTMLElement>(`.${css.unread}`);
    if (!begun.current && line) {
      // Where one stopped reading.
      element.scrollTop = line.offsetTop - nearPixels;
      fromEnd.current = element.scrollHeight - element.clientHeight - element.scrollTop;
    } else {
      element.scrollTop = element.scrollHeight - element.clientHeight - fromEnd.current;
    }
    begun.current = true;
  }, [state.messages, state.chatLoaded]);

  // The panel grows and shrinks with what is written below, and with the window.
  useEffect(() => {
    const element = list.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      element.scrollTop = element.scrollHeight - element.clientHeight - fromEnd.current;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const older = () => {
    if (reading) return;
    setReading(true);
    room
      .readOlder()
      .catch(toastError)
      .finally(() => setReading(false));
  };
  const onScroll = () => {
    const element = list.current;
    if (!element) return;
    const below = element.scrollHeight - element.clientHeight - element.scrollTop;
    fromEnd.current = below < nearPixels ? 0 : below;
    setAtEnd(below < nearPixels);
    if (element.scrollTop < nearPixels && state.older !== null) older();
  };
  const toEnd = () => {
    fromEnd.current = 0;
    list.current?.scrollTo({ top: list.current.scrollHeight });
  };

  return (
    <div className={css.messagesFrame}>
      <div className={css.messages} ref={list} onScroll={onScroll} tabIndex={0} role="region" aria-label={strings.chat.messages}>
        {!state.chatLoaded && state.connected && <p className={css.quiet}>{strings.chat.loading}</p>}
        {state.older !== null && (
          <Button small look="quiet" disabled={reading} className={css.older} onClick={older}>
            {reading ? strings.chat.readingOlder : strings.chat.older}
          </Button>
        )}
        {state.chatLoaded && state.messages.length === 0 && (
          <Empty icon={<MessageSquare />} title={strings.chat.empty}>
            <p>{strings.chat.emptyHint}</p>
          </Empty>
        )}
        {days.map(({ day, groups }) => (
          <section key={day} aria-label={dayTitle(day)}>
            <h2 className={css.day}>{dayTitle(day)}</h2>
            {groups.map(({ messages }) => (
              <div key={messages[0]?.id}>
                {messages[0]?.moment === state.unreadSince && (
                  <p className={css.unread}>
                    <span>{strings.chat.unread}</span>
                  </p>
                )}
                <ol className={css.group}>{messages.map((message, at) => row(message, at === 0))}</ol>
              </div>
            ))}
          </section>
        ))}
      </div>
      {!atEnd && (
        <Button small className={css.toEnd} onClick={toEnd}>
          <ArrowDown aria-hidden="true" />
          {strings.chat.toNewest}
        </Button>
      )}
    </div>
  );
}
