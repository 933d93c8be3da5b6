// The room of a document that is open: what is said about it, as far as this tab has read it.

import { type Change, EventError, type Page, type PresenceUpdate, type Saved, type ServerEvent } from "./events";
import type { EditorSelection } from "./editor/handle";
import { Later, shownAfterMs } from "./later";
import type { Person } from "./person";
import { EventsConnection } from "./room/connection";
import { CommentDesk } from "./room/desk";
import { toBase64url } from "./room/places";
import { emptyRoom, forgotten, reduce, type RoomState, withChatPage, withCommentsPage, withThreadPage } from "./room/state";
import { strings } from "./strings/room";

export { complete, completions, mentionsIn } from "./room/mentions";
export { emptyRoom, merge, reduce, type RoomState, sameAuthor } from "./room/state";

const chatPage = 50;
const commentsPage = 200;
const threadPage = 100;

export class Room {
  readonly desk = new CommentDesk();
  private readonly connection: EventsConnection;
  private readonly listeners = new Set<() => void>();
  private readonly newcomers = new Set<(event: ServerEvent) => void>();
  private state: RoomState = emptyRoom;
  private saved_: Saved | null = null;
  private readonly tellLater = new Later(() => {
    for (const listener of this.listeners) listener();
  }, shownAfterMs);
  private presence: PresenceUpdate = {};
  private closed = false;

  constructor(workspace: string, document: string, person: () => Person) {
    this.connection = new EventsConnection({
      workspace,
      document,
      join: () => {
        // Without an id: whoever uses the page of a node on its own machine is the device's owner.
        // Not shown: the editor shows us (sync.ts).
        const { name, color } = person();
        return { type: "join_session", user: { name, color }, shown: false };
      },
      onEvent: (event) => this.handle(event),
      onLost: (refused) => this.change({ ...this.state, connected: false, refused }),
      onTransport: (transport) => this.change({ ...this.state, transport }),
    });
  }

  /** Shape of useSyncExternalStore. */
  readonly view = (): RoomState => this.state;
  /** What is on disk, and on how many devices; null until the node said so. Apart, as each edit changes it. */
  readonly saved = (): Saved | null => this.saved_;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Tells of each event as it comes. Returns what ends it. */
  onEvent(listener: (event: ServerEvent) => void): () => void {
    this.newcomers.add(listener);
    return () => this.newcomers.delete(listener);
  }

  async post(text: string, mentions: string[], reply?: string): Promise<void> {
    await this.connection.request({ type: "chat_message", text, mentions, ...(reply ? { reply } : {}) });
  }

  /** Returns the new comment's id, if the node told it. */
  async comment(selection: EditorSelection, text: string, mentions: string[], suggestion?: string): Promise<string | undefined> {
    const answer = await this.connection.request({
      ...{ type: "add_comment", text, mentions, quote: selection.quote },
      range: { root: selection.root, start: toBase64url(selection.start), end: toBase64url(selection.end) },
      ...(suggestion === undefined ? {} : { suggestion }),
    });
    return answer.type === "ok" ? answer.message : undefined;
  }

  async reply(thread: string, text: string, mentions: string[]): Promise<void> {
    await this.connection.request({ type: "reply", thread, text, mentions });
  }

  async amend(message: string, change: Change, text?: string): Promise<void> {
    const more = text === undefined ? {} : { text };
    await this.connection.request({ type: "message_update", message, change, ...more });
  }

  /** The page before the oldest message that is here. */
  async readOlder(): Promise<void> {
    const before = this.state.older;
    if (before === null) return;
    const page = await this.page({ lane: "chat", before, limit: chatPage });
    // Read anew meanwhile: this page is no neighbour of what is here.
    if (this.state.older === before) this.change(withChatPage(this.state, page));
  }

  /** The answers to a comment; those before the oldest, where some are here. */
  async readThread(thread: string): Promise<void> {
    const known = this.state.threads[thread];
    if (known && known.older === null) return;
    const before = known?.older ?? undefined;
    const page = await this.page({ lane: "thread", thread, limit: threadPage, ...(before ? { before } : {}) });
    this.change(withThreadPage(this.state, thread, page));
  }

  /** Whether the chat is being looked at: then what comes is read. */
  watch(watching: boolean): void {
    if (watching === this.state.watching) return;
    this.change({ ...this.state, watching, unreadSince: watching ? this.state.unreadSince : null });
    if (watching) void this.markRead().catch(() => {});
  }

  /** Everything of the chat that is here was seen. */
  async markRead(): Promise<void> {
    const newest = this.state.messages.at(-1);
    if (!newest || (this.state.unread === 0 && this.marked >= newest.moment)) return;
    this.marked = newest.moment;
    this.change({ ...this.state, unread: 0 });
    await this.connection.request({ type: "mark_read", lane: "chat", moment: newest.moment });
  }

  /** Every comment that is here was seen. */
  async markCommentsRead(): Promise<void> {
    const newest = this.state.comments.at(-1);
    if (!newest || this.state.unreadComments === 0) return;
    this.change({ ...this.state, unreadComments: 0 });
    await this.connection.request({ type: "mark_read", lane: "comments", moment: newest.moment });
  }

  /** How others see this window, where Yjs awareness cannot tell them. */
  show(presence: PresenceUpdate): void {
    this.presence = { ...this.presence, ...presence };
    if (this.state.transport === "stream") this.connection.tell({ type: "presence_update", ...presence });
  }

  close(): void {
    this.closed = true;
    this.listeners.clear();
    this.newcomers.clear();
    this.tellLater.stop();
    this.connection.close();
  }

  private marked = "";

  private handle(event: ServerEvent): void {
    if (this.closed) return;
    if (event.type === "saved") {
      const { state_vector, devices, members } = event;
      this.saved_ = { state_vector, devices, members };
      this.tellLater.ask();
    }
    this.change(reduce(this.state, event));
    for (const listener of this.newcomers) listener(event);
    // Also what came while we were away, or was dropped because we were slow.
    if (event.type === "session") void this.refresh();
    if (event.type === "room_reset") this.connection.rejoin();
    if (event.type === "chat_message" && this.state.watching) void this.markRead().catch(() => {});
  }

  /** What was read before may have changed, or lie behind a gap: it is replaced when the new is here. */
  private async refresh(): Promise<void> {
    this.show(this.presence);
    const threads = Object.keys(this.state.threads);
    const attempts = [this.refreshChat(), this.refreshComments(), ...threads.map((id) => this.refreshThread(id))];
    // What failed is asked for again with the next session.
    await Promise.allSettled(attempts);
  }

  private async refreshChat(): Promise<void> {
    const page = await this.page({ lane: "chat", limit: chatPage });
    const { messages, older, chatLoaded } = forgotten(this.state);
    this.change(withChatPage({ ...this.state, messages, older, chatLoaded }, page));
    if (this.state.watching) await this.markRead();
  }

  private async refreshComments(): Promise<void> {
    let page = await this.page({ lane: "comments", limit: commentsPage });
    this.change(withCommentsPage({ ...this.state, comments: [], commentsLoaded: false }, page));
    while (page.older !== undefined && !this.closed) {
      page = await this.page({ lane: "comments", limit: commentsPage, before: page.older });
      this.change(withCommentsPage(this.state, page));
    }
  }

  private async refreshThread(thread: string): Promise<void> {
    const page = await this.page({ lane: "thread", thread, limit: threadPage });
    const { [thread]: _before, ...threads } = this.state.threads;
    this.change(withThreadPage({ ...this.state, threads }, thread, page));
  }

  private async page(query: { lane: "chat" | "comments" | "thread"; thread?: string; before?: string; limit: number }): Promise<Page> {
    const answer = await this.connection.request({ type: "room_page", ...query });
    if (answer.type !== "room_page") throw new EventError("MALFORMED", strings.errors.unreadable);
    return answer;
  }

  private change(state: RoomState): void {
    if (this.closed || state === this.state) return;
    this.state = state;
    this.tellLater.ask();
  }
}
