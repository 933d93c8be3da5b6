// What is known of a document's room, and what each event changes in it. Pure.

import type { Author, EventParticipant, Limits, Message, Page, ServerEvent, StateItem } from "../events";
import type { Transport } from "./fallback";

/** The answers to a comment, the oldest first. */
export interface Thread {
  messages: Message[];
  /** Where the next older page ends; null: there is none. */
  older: string | null;
}

export interface RoomState {
  connected: boolean;
  /** How events come; "stream" where something blocks WebSockets. */
  transport: Transport;
  /** Why the node does not let us in; null: it does, or does not answer. */
  refused: string | null;
  /** Who we are to the others; null until the node has said so. */
  self: Author | null;
  role: string;
  participants: EventParticipant[];
  limits: Limits;

  /** Of the chat, the oldest first. */
  messages: Message[];
  /** Where the next older page ends; null when there is none, or before the first was read. */
  older: string | null;
  /** The first page was read. */
  chatLoaded: boolean;
  unread: number;
  /** The moment of the first message that was not seen when one last looked; null: all were. */
  unreadSince: string | null;
  /** The chat is being looked at: what comes is read. */
  watching: boolean;

  /** Comments, without their answers, the oldest first. */
  comments: Message[];
  commentsLoaded: boolean;
  unreadComments: number;
  /** By the comment's id; those that were asked for. */
  threads: Readonly<Record<string, Thread>>;

  state: Readonly<Record<string, StateItem>>;
}

export const emptyRoom: RoomState = {
  connected: false,
  transport: "websocket",
  refused: null,
  self: null,
  role: "",
  participants: [],
  limits: { message_bytes: 8192, suggestion_bytes: 65_536, posts_per_minute: 100 },
  messages: [],
  older: null,
  chatLoaded: false,
  unread: 0,
  unreadSince: null,
  watching: false,
  comments: [],
  commentsLoaded: false,
  unreadComments: 0,
  threads: {},
  state: {},
};

export const sameAuthor = (a: Author, b: Author | null): boolean =>
  b !== null && a.device === b.device && (a.guest ?? "") === (b.guest ?? "");

type Identity = Pick<EventParticipant, "device" | "user">;
const isNot = (one: Identity) => (other: Identity) => one.device !== other.device || one.user !== other.user;

/** Moving a cursor, which the editor shows, is most of what people do. */
const looksTheSame = (one: EventParticipant, other: EventParticipant) =>
  shownOf(one) === shownOf(other);
const shownOf = ({ device_name, name, color, status, typing, clients, file, viewport, following }: EventParticipant) =>
  JSON.stringify([device_name, name, color, status, typing, clients, file, viewport, following]);

const isChat = (message: Message) => !message.thread && !message.anchor;
const isComment = (message: Message) => !message.thread && message.anchor !== undefined;

/** Each once and in order; of two states of one the later in `more`. */
function put(messages: readonly Message[], more: readonly Message[]): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  for (const message of more) byId.set(message.id, message);
  return Array.from(byId.values()).sort((a, b) => (a.moment < b.moment ? -1 : a.moment > b.moment ? 1 : 0));
}

/** Messages of the chat, each once and in order; of two states of one the later in `more`. */
export const merge = (messages: readonly Message[], more: readonly Message[]): Message[] =>
  put(messages, more.filter(isChat));

/** The moment of the first of the last `unread` messages that others wrote; null where that lies further back. */
export function firstUnread(messages: readonly Message[], unread: number, self: Author | null): string | null {
  let left = unread;
  for (let at = messages.length - 1; at >= 0 && left > 0; at--) {
    const message = messages[at] as Message;
    if (sameAuthor(message.author, self) || message.deleted) continue;
    if (--left === 0) return message.moment;
  }
  return null;
}

function withChat(state: RoomState, message: Message): RoomState {
  const known = state.messages.some(({ id }) => id === message.id);
  const messages = merge(state.messages, [message]);
  // What one says oneself means that one has read.
  if (sameAuthor(message.author, state.self)) return { ...state, messages, unreadSince: known ? state.unreadSince : null };
  if (known || state.watching) return { ...state, messages };
  return { ...state, messages, unread: state.unread + 1, unreadSince: state.unreadSince ?? message.moment };
}

function withComment(state: RoomState, message: Message): RoomState {
  const known = state.comments.some(({ id }) => id === message.id);
  const counts = !known && !sameAuthor(message.author, state.self);
  return {
    ...state,
    comments: put(state.comments, [message]),
    unreadComments: state.unreadComments + Number(counts),
  };
}

function withReply(state: RoomState, message: Message & { thread: string }): RoomState {
  const thread = state.threads[message.thread];
  // One that was not asked for will come with it.
  if (!thread) return state;
  const messages = put(thread.messages, [message]);
  return { ...state, threads: { ...state.threads, [message.thread]: { ...thread, messages } } };
}

function updated(state: RoomState, message: Message): RoomState {
  // One of a page that was not read yet will come with it.
  const known = (list: readonly Message[]) => list.some(({ id }) => id === message.id);
  if (message.thread) {
    const thread = state.threads[message.thread];
    return thread && known(thread.messages) ? withReply(state, { ...message, thread: message.thread }) : state;
  }
  if (!message.anchor && known(state.messages)) return { ...state, messages: put(state.messages, [message]) };
  return known(state.comments) ? { ...state, comments: put(state.comments, [message]) } : state;
}

/** The state after `event`. */
export function reduce(state: RoomState, event: ServerEvent): RoomState {
  switch (event.type) {
    case "session": {
      const { self, role, participants, unread, limits, state: items } = event;
      return {
        ...state,
        ...{ connected: true, refused: null, self, role, participants },
        limits: limits ?? state.limits,
        unread: unread.chat,
        unreadComments: unread.comments,
        state: Object.fromEntries((items ?? []).map((item) => [item.key, item])),
      };
    }
    case "user_joined":
    case "presence_update": {
      const { participant } = event;
      const known = state.participants.find((one) => !isNot(participant)(one));
      if (!known) return { ...state, participants: [...state.participants, participant] };
      if (looksTheSame(known, participant)) return state;
      return { ...state, participants: state.participants.map((one) => (one === known ? participant : one)) };
    }
    case "user_left":
      return { ...state, participants: state.participants.filter(isNot(event)) };
    case "chat_message":
      return withChat(state, event.message);
    case "add_comment":
    case "code_comment":
      return withComment(state, event.message);
    case "reply":
      return event.message.thread ? withReply(state, { ...event.message, thread: event.message.thread }) : state;
    case "message_update":
      return updated(state, event.message);
    case "session_update": {
      const { [event.item.key]: _before, ...rest } = state.state;
      return { ...state, state: event.item.removed ? rest : { ...rest, [event.item.key]: event.item } };
    }
    default:
      return state;
  }
}

/** With a page of the chat; the first, where `first` says so. */
export function withChatPage(state: RoomState, page: Page): RoomState {
  const messages = merge(page.messages, state.messages);
  const since = state.chatLoaded || state.watching ? state.unreadSince : firstUnread(messages, state.unread, state.self);
  return { ...state, messages, older: page.older ?? null, chatLoaded: true, unreadSince: since };
}

export const withCommentsPage = (state: RoomState, page: Page): RoomState => ({
  ...state,
  comments: put(page.messages.filter(isComment), state.comments),
  commentsLoaded: state.commentsLoaded || page.older === undefined,
});

export function withThreadPage(state: RoomState, id: string, page: Page): RoomState {
  const messages = put(page.messages, state.threads[id]?.messages ?? []);
  return { ...state, threads: { ...state.threads, [id]: { messages, older: page.older ?? null } } };
}

/** What was read before may have changed, or lie behind a gap: it is to be read anew. */
export const forgotten = (state: RoomState): RoomState => ({
  ...state,
  ...{ messages: [], older: null, chatLoaded: false, comments: [], commentsLoaded: false, threads: {} },
});

export const openComments = (state: RoomState): Message[] =>
  state.comments.filter((comment) => !comment.deleted && !comment.resolved && (comment.verdict ?? "open") === "open");
