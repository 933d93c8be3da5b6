// What is said about one document, as far as this tab has read it.

import {
  type Author,
  EventError,
  type EventParticipant,
  EventsConnection,
  eventsUrl,
  type Message,
  type ServerEvent,
} from "./events";
import type { Person } from "./person";

const pageMessages = 50;

export interface RoomState {
  connected: boolean;
  /** Who we are to the others; null until the node has said so. */
  self: Author | null;
  role: string;
  participants: EventParticipant[];
  /** Of the chat, the oldest first. */
  messages: Message[];
  /** Where the next older page ends; null when there is none, or before the first was read. */
  older: string | null;
  unread: number;
  unreadComments: number;
  /** The newest word of what is on how many disks. */
  saved: { state_vector: string; devices: number; members: number } | null;
}

export const emptyRoom: RoomState = {
  connected: false,
  self: null,
  role: "",
  participants: [],
  messages: [],
  older: null,
  unread: 0,
  unreadComments: 0,
  saved: null,
};

export const sameAuthor = (a: Author, b: Author | null): boolean =>
  b !== null && a.device === b.device && (a.guest ?? "") === (b.guest ?? "");

type Identity = Pick<EventParticipant, "device" | "user">;
const isNot = (one: Identity) => (other: Identity) => one.device !== other.device || one.user !== other.user;

/** Messages of the chat, each once and in order; of two states of one the later in `more`. */
export function merge(messages: Message[], more: Message[]): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  for (const message of more) {
    if (!message.thread && !message.anchor) byId.set(message.id, message);
  }
  return Array.from(byId.values()).sort((a, b) => (a.moment < b.moment ? -1 : a.moment > b.moment ? 1 : 0));
}

/** The state after `event`. */
export function reduce(state: RoomState, event: ServerEvent): RoomState {
  switch (event.type) {
    case "session":
      return {
        ...state,
        connected: true,
        self: event.self,
        role: event.role,
        participants: event.participants,
        unread: event.unread.chat,
      };
    case "user_joined":
    case "presence_update": {
      const others = state.participants.filter(isNot(event.participant));
      return { ...state, participants: [...others, event.participant] };
    }
    case "user_left":
      return { ...state, participants: state.participants.filter(isNot(event)) };
    case "chat_message": {
      const known = state.messages.some(({ id }) => id === event.message.id);
      const counts = !known && !sameAuthor(event.message.author, state.self);
      return {
        ...state,
        messages: merge(state.messages, [event.message]),
        unread: state.unread + Number(counts),
      };
    }
    case "message_update": {
      // One of a page that was not read yet will come with it.
      if (!state.messages.some(({ id }) => id === event.message.id)) return state;
      return { ...state, messages: merge(state.messages, [event.message]) };
    }
    case "saved":
      return { ...state, saved: event };
    default:
      return state;
  }
}

/** Members whose name begins with what is being typed after an "@" at the end of `text`. */
export function completions(text: string, names: string[]): string[] {
  const typed = /(?:^|[^\p{L}\p{N}_])@([^@\n]{0,40})$/u.exec(text)?.[1];
  if (typed === undefined) return [];
  const begin = typed.toLowerCase();
  return names.filter((name) => name.toLowerCase().startsWith(begin) && name.toLowerCase() !== begin).slice(0, 6);
}

export const complete = (text: string, name: string) => text.replace(/@[^@\n]*$/u, () => `@${name} `);

/** The devices whose name stands in `text` as "@name", the longest name that fits. */
export function mentionsIn(text: string, members: { device: string; name: string }[]): string[] {
  const found = new Set<string>();
  const longestFirst = members.filter(({ name }) => name).sort((a, b) => b.name.length - a.name.length);
  for (const { index } of text.matchAll(/(?<![\p{L}\p{N}_])@/gu)) {
    const rest = text.slice(index + 1);
    const member = longestFirst.find(
      ({ name }) => rest.startsWith(name) && !/^[\p{L}\p{N}_]/u.test(rest.slice(name.length)),
    );
    if (member) found.add(member.device);
  }
  return Array.from(found).slice(0, 32);
}

export class Room {
  private readonly connection: EventsConnection;
  private readonly listeners = new Set<() => void>();
  private state: RoomState = emptyRoom;
  private closed = false;

  constructor(workspace: string, document: string, person: () => Person) {
    this.connection = new EventsConnection(
      eventsUrl(location.href, workspace, document),
      () => {
        // Without an id: whoever uses the page of a node on its own machine is the device's owner.
        // Not shown: the editor shows us (sync.ts).
        const { name, color } = person();
        return { type: "join_session", user: { name, color }, shown: false };
      },
      (event) => this.handle(event),
      () => this.change({ ...this.state, connected: false }),
    );
  }

  /** Shape of useSyncExternalStore. */
  readonly view = (): RoomState => this.state;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  async post(text: string, mentions: string[], reply?: string): Promise<void> {
    await this.connection.request({ type: "chat_message", text, mentions, ...(reply ? { reply } : {}) });
  }

  async amend(message: string, change: "edit" | "delete" | "react" | "unreact", text?: string): Promise<void> {
    const more = text === undefined ? {} : { text };
    await this.connection.request({ type: "message_update", message, change, ...more });
  }

  /** The page before the oldest message that is here. */
  async readOlder(): Promise<void> {
    const before = this.state.older;
    if (before !== null) await this.readPage(before);
  }

  /** Everything that is here was seen. */
  async markRead(): Promise<void> {
    const newest = this.state.messages.at(-1);
    if (!newest || this.state.unread === 0) return;
    this.change({ ...this.state, unread: 0 });
    await this.connection.request({ type: "mark_read", lane: "chat", moment: newest.moment });
  }

  close(): void {
    this.closed = true;
    this.listeners.clear();
    this.connection.close();
  }

  private handle(event: ServerEvent): void {
    if (this.closed) return;
    this.change(reduce(this.state, event));
    // Also what came while we were away, or was dropped because we were slow.
    if (event.type === "session") void this.refresh();
    if (event.type === "room_reset") this.connection.rejoin();
  }

  private async refresh(): Promise<void> {
    // What was read before may have changed, or lie behind a gap: begin anew.
    this.change({ ...this.state, messages: [], older: null });
    await this.readPage(undefined).catch(() => {});
  }

  private async readPage(before: string | undefined): Promise<void> {
    const answer = await this.connection.request({
      type: "room_page",
      lane: "chat",
      limit: pageMessages,
      ...(before ? { before } : {}),
    });
    if (answer.type !== "room_page") throw new EventError("MALFORMED", "The node’s answer could not be read.");
    const messages = merge(answer.messages, this.state.messages);
    this.change({ ...this.state, messages, older: answer.older ?? null });
  }

  private change(state: RoomState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
