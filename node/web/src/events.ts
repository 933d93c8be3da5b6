// The events WebSocket of a document: chat, comments and who is here (docs/API/events.md).

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
  anchor?: { quote: string };
  resolved?: boolean;
  suggestion?: string;
  verdict?: "open" | "accepted" | "dismissed";
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
}

export interface Page {
  messages: Message[];
  older?: string;
  unread: number;
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
      }
    | { type: "user_joined" | "presence_update"; participant: EventParticipant }
    | { type: "user_left"; device: string; user: string }
    | { type: "cursor_update"; device: string; user: string; cursor: unknown }
    | { type: "session_update"; item: { key: string; value?: unknown; removed: boolean } }
    | { type: "chat_message" | "add_comment" | "code_comment" | "reply" | "message_update"; message: Message }
    | { type: "saved"; state_vector: string; devices: number; members: number }
    | { type: "room_reset" }
    | ({ type: "room_page" } & Page)
    | { type: "ok"; message?: string; moment?: string }
    | { type: "error"; code: string; message: string }
  );

export type ClientMessage =
  | { type: "join_session"; user: { id?: string; name: string; color: string }; shown?: boolean }
  | { type: "presence_update"; status?: Status; typing?: boolean }
  | { type: "chat_message"; text: string; mentions?: string[]; reply?: string }
  | { type: "message_update"; message: string; change: string; text?: string }
  | { type: "mark_read"; lane: "chat" | "comments"; moment: string }
  | { type: "room_page"; lane: "chat" | "comments"; before?: string; limit?: number };

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

const answerWithinMs = 15_000;
const retryFirstMs = 250;
const retryMaxMs = 10_000;

/** When to try again after so many failures in a row: later each time, and not all at once. */
export function retryDelay(failures: number, random: () => number = Math.random): number {
  const most = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(failures, 16));
  return most / 2 + (random() * most) / 2;
}

/** Where a document's events are, for the page at `page`. */
export function eventsUrl(page: string, workspace: string, document: string): string {
  const url = new URL(`v1/documents/${encodeURIComponent(document)}/events`, page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  url.search = new URLSearchParams({ workspace }).toString();
  return url.href;
}

interface Waiting {
  resolve: (answer: ServerEvent) => void;
  reject: (error: Error) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** Connects, says who joins, and begins again whenever the connection is lost. */
export class EventsConnection {
  private socket: WebSocket | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private nextId = 1;
  private readonly waiting = new Map<string, Waiting>();

  constructor(
    private readonly url: string,
    private readonly join: () => ClientMessage,
    private readonly onEvent: (event: ServerEvent) => void,
    private readonly onLost: () => void,
  ) {
    this.connect();
  }

  /** Resolves with the node's answer; rejects with EventError when it refused or did not answer. */
  request(message: ClientMessage): Promise<ServerEvent> {
    const { socket } = this;
    if (socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new EventError("UNAVAILABLE", "This node does not answer at the moment."));
    }
    const id = String(this.nextId++);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new EventError("UNAVAILABLE", "This node did not answer in time."));
      }, answerWithinMs);
      this.waiting.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ ...message, id }));
    });
  }

  /** Asks anew how everything stands; the answer comes as an event. */
  rejoin(): void {
    const { socket } = this;
    this.request(this.join()).then(
      (answer) => {
        this.failures = 0;
        this.onEvent(answer);
      },
      () => socket?.close(),
    );
  }

  close(): void {
    clearTimeout(this.timer);
    const { socket } = this;
    this.socket = null;
    this.failAll();
    // One that is not open yet would complain.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket?.close();
  }

  private connect(): void {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => this.rejoin();
    socket.onmessage = ({ data }) => this.read(data);
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.failAll();
      this.onLost();
      this.timer = setTimeout(() => this.connect(), retryDelay(this.failures++));
    };
  }

  private read(data: unknown): void {
    let event: ServerEvent;
    try {
      event = JSON.parse(String(data)) as ServerEvent;
    } catch {
      return;
    }
    const waiting = event.id === undefined ? undefined : this.waiting.get(event.id);
    if (!waiting || event.id === undefined) return this.onEvent(event);
    this.waiting.delete(event.id);
    clearTimeout(waiting.timer);
    if (event.type === "error") waiting.reject(new EventError(event.code, event.message));
    else waiting.resolve(event);
  }

  private failAll(): void {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(new EventError("UNAVAILABLE", "The connection to this node was lost."));
    }
    this.waiting.clear();
  }
}
