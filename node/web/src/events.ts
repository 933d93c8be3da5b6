// What the events of a document say: chat, comments and who is here (docs/API/events.md).

export interface Author {
  device: string;
  /** Of a bridge's guest; absent: the device's owner. */
  guest?: string;
  name?: string;
}

export interface Reaction {
  emoji: string;
  by: Author[];
}

export interface Lines {
  first: number;
  last?: number;
}

/** What a comment is about. Positions are Yjs relative positions, encoded, in base64url. */
export interface MessageAnchor {
  quote: string;
  lines?: Lines;
  root?: string;
  start?: string;
  end?: string;
  /** Where it is now, in UTF-16 units of a plain text. */
  range?: { from: number; to: number };
  text_deleted?: boolean;
}

export type Verdict = "open" | "accepted" | "dismissed";

export interface Message {
  id: string;
  /** Its place in the order: opaque, but later ones compare greater. */
  moment: string;
  time: number;
  document: string;
  author: Author;
  text: string;
  deleted: boolean;
  mentions: string[];
  reactions: Reaction[];
  thread?: string;
  reply?: string;
  edited?: number;
  anchor?: MessageAnchor;
  resolved?: boolean;
  suggestion?: string;
  verdict?: Verdict;
}

export type Status = "active" | "idle" | "away";

/** All windows of one browser at one node. */
export interface EventParticipant {
  device: string;
  device_name: string;
  user: string;
  name: string;
  color: string;
  status: Status;
  typing: boolean;
  /** Yjs client ids of its windows. */
  clients: number[];
  file?: string;
  viewport?: Lines;
  following?: string;
}

export interface StateItem {
  key: string;
  value?: unknown;
  removed: boolean;
}

export interface Limits {
  message_bytes: number;
  suggestion_bytes: number;
  posts_per_minute: number;
}

export interface Page {
  messages: Message[];
  older?: string;
  unread: number;
}

export interface Saved {
  /** Of Yjs, in base64url: what is on disk. */
  state_vector: string;
  devices: number;
  members: number;
}

interface Answer {
  id?: string;
}

export type ServerEvent = Answer &
  (
    | {
        type: "session";
        self: Author;
        role: string;
        participants: EventParticipant[];
        unread: { chat: number; comments: number };
        state?: StateItem[];
        limits?: Limits;
      }
    | { type: "user_joined" | "presence_update"; participant: EventParticipant }
    | { type: "user_left"; device: string; user: string }
    | { type: "cursor_update"; device: string; user: string; cursor: unknown }
    | { type: "session_update"; item: StateItem }
    | { type: "chat_message" | "add_comment" | "code_comment" | "reply" | "message_update"; message: Message }
    | ({ type: "saved" } & Saved)
    | { type: "room_reset" }
    | { type: "stream"; session: string }
    | ({ type: "room_page" } & Page)
    | { type: "ok"; message?: string; moment?: string }
    | { type: "error"; code: string; message: string }
  );

/** What is selected, for a comment on it. */
export interface CommentRange {
  root: string;
  start: string;
  end: string;
}

export type Change = "edit" | "delete" | "react" | "unreact" | "resolve" | "reopen" | "accept" | "dismiss";
export type Lane = "chat" | "comments" | "thread";

export interface PresenceUpdate {
  status?: Status;
  typing?: boolean;
  following?: string;
  viewport?: Lines;
}

export type ClientMessage =
  | { type: "join_session"; user: { id?: string; name: string; color: string }; shown?: boolean }
  | ({ type: "presence_update" } & PresenceUpdate)
  | { type: "chat_message"; text: string; mentions?: string[]; reply?: string }
  | {
      type: "add_comment";
      text: string;
      mentions?: string[];
      range: CommentRange;
      quote: string;
      suggestion?: string;
    }
  | { type: "reply"; thread: string; text: string; mentions?: string[] }
  | { type: "message_update"; message: string; change: Change; text?: string }
  | { type: "mark_read"; lane: "chat" | "comments"; moment: string }
  | { type: "room_page"; lane: Lane; thread?: string; before?: string; limit?: number };

/** What a node refused: `code` is stable, the message is for people. */
export class EventError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "EventError";
  }
}

export { eventsUrl, retryDelay } from "./room/addresses";
