// Documents that this tab holds, each attached to the node by a WebSocket (y-websocket protocol).

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import type { Awareness } from "y-protocols/awareness";
import { messageYjsSyncStep2 } from "y-protocols/sync";
import { messageSync, WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import type { Status } from "./events";
import { type Person, personFrom } from "./person";
import { type DocumentRef, syncRoom, syncServer } from "./route";
import { type SavedState, SavedTracker } from "./saved";

/** The root type that Monaco editors bind by convention; other Yjs clients must use the same. */
export const textRoot = "monaco";

/** "This many of your updates are durable": a message type of ours, sent for ?saved=1 only. */
const messageSaved = 100;

/** WebSocket close code "try again later". */
const closeTryAgain = 1013;

/** Failed attempts after which "connecting" is no longer the honest word. */
const failedAttemptsUntilOffline = 3;

export type Connection = "connected" | "connecting" | "offline" | "refused";

/** One window of a person. */
export interface Participant extends Person {
  clientId: number;
  self: boolean;
  status: Status;
  typing: boolean;
}

/** What the others are told of this window, beside its cursor (node/core/rooms/attendance.hpp). */
interface Presence {
  status: Status;
  typing: boolean;
  /** Whose cursor it follows; empty: nobody's. */
  following?: string;
}

const statuses: readonly unknown[] = ["active", "idle", "away"];

/** What the page shows of a session. A new object whenever something in it changed. */
export interface SessionView {
  connection: Connection;
  /** Why the node refused, if it did. */
  refusal: string;
  /** Why the node takes nothing for the moment, if it said so: its disk is full, say. */
  trouble: string;
  /** The content has arrived at least once: it may be edited, offline too. */
  loaded: boolean;
  saved: SavedState;
  participants: Participant[];
  following: number | null;
}

export class Session {
  readonly doc = new Y.Doc();
  readonly text = this.doc.getText(textRoot);
  readonly provider: WebsocketProvider;

  private readonly tracker = new SavedTracker();
  private readonly listeners = new Set<() => void>();
  private loaded = false;
  private refusal: string | null = null;
  private trouble = "";
  private view_: SessionView;
  private presence: Presence = { status: "active", typing: false };

  constructor(readonly ref: DocumentRef) {
    this.provider = new WebsocketProvider(syncServer(location.href), syncRoom(ref), this.doc, {
      connect: false,
      params: { saved: "1" },
      // Tabs meet at the node. Side by side, a tab could show as saved what only its sibling has.
      disableBc: true,
    });
    this.view_ = this.makeView();
    this.listen();
    this.provider.connect();
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get unsaved(): boolean {
    return this.tracker.unsaved;
  }

  /** Shape of useSyncExternalStore. */
  readonly view = (): SessionView => this.view_;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  introduce(person: Person): void {
    const user = { id: person.id, name: person.name, color: person.color };
    // Not setLocalStateField(), which does nothing after leave().
    this.awareness.setLocalState({ ...this.awareness.getLocalState(), ...this.presence, user });
  }

  /** How the others see this window from now on. */
  show(presence: Partial<Presence>): void {
    this.presence = { ...this.presence, ...presence };
    const state = this.awareness.getLocalState();
    if (state) this.awareness.setLocalState({ ...state, ...this.presence });
  }

  /** Called with the client whose cursor is to be looked at; see editor.tsx. */
  onReveal: ((clientId: number) => void) | null = null;
  /** Whose cursor is looked at as it moves. */
  private following_: number | null = null;

  get following(): number | null {
    return this.following_;
  }

  follow(clientId: number | null): void {
    this.following_ = clientId;
    const followed = this.participants().find((one) => one.clientId === clientId);
    this.show({ following: followed?.id ?? "" });
    if (clientId !== null) this.onReveal?.(clientId);
    this.changed();
  }

  /** Takes the cursor away from the others' screens; the rest of the session goes on. */
  leave(): void {
    this.awareness.setLocalState(null);
  }

  /** After a refusal the provider does not try again by itself. */
  retry(): void {
    this.refusal = null;
    this.provider.connect();
    this.changed();
  }

  destroy(): void {
    this.listeners.clear();
    this.provider.destroy();
    this.doc.destroy();
  }

  private listen(): void {
    const { provider, tracker } = this;
    provider.on("status", ({ status }) => {
      if (status === "connected") tracker.opened();
      if (status === "disconnected") tracker.closed();
      this.changed();
    });
    provider.on("connection-close", (event) => {
      if (event?.code === closeTryAgain) this.trouble = event.reason;
      this.changed();
    });
    provider.on("closed", ({ code, reason }) => {
      this.refusal = reason || `The node closed the connection (code ${code}).`;
      this.changed();
    });
    provider.on("sync", (synced) => {
      if (synced) {
        this.loaded = true;
        tracker.synced();
      }
      this.changed();
    });
    this.doc.on("update", (_update: Uint8Array, origin: unknown) => {
      if (origin === provider) return; // From the node; the provider does not send it back.
      tracker.edited(provider.ws?.readyState === WebSocket.OPEN && provider.wsconnected);
      this.changed();
    });
    this.awareness.on("change", ({ updated, removed }: { updated: number[]; removed: number[] }) => {
      if (this.following_ !== null && updated.includes(this.following_)) this.onReveal?.(this.following_);
      if (this.following_ !== null && removed.includes(this.following_)) return this.follow(null);
      this.changed();
    });
    this.watchMessages();
  }

  private watchMessages(): void {
    const { provider, tracker } = this;
    const readSync = provider.messageHandlers[messageSync];
    if (!readSync) throw new Error("y-websocket has no sync handler");
    provider.messageHandlers[messageSync] = (encoder, decoder, ...rest) => {
      readSync(encoder, decoder, ...rest);
      // The handler wrote the message type and, to a step 1, our answer, which is sent next.
      const answer = encoding.toUint8Array(encoder);
      if (answer.length > 1 && answer[1] === messageYjsSyncStep2) tracker.answeredSync();
    };
    provider.messageHandlers[messageSaved] = (_encoder, decoder) => {
      tracker.confirmed(decoding.readVarUint(decoder));
      if (!tracker.unsaved) this.trouble = "";
      this.changed();
    };
  }

  private changed(): void {
    this.view_ = this.makeView();
    for (const listener of this.listeners) listener();
  }

  private makeView(): SessionView {
    return {
      connection: this.connection(),
      refusal: this.refusal ?? "",
      trouble: this.trouble,
      loaded: this.loaded,
      saved: this.tracker.state,
      participants: this.participants(),
      following: this.following_,
    };
  }

  private connection(): Connection {
    if (this.refusal !== null) return "refused";
    if (this.provider.wsconnected && this.provider.synced) return "connected";
    return this.provider.wsUnsuccessfulReconnects < failedAttemptsUntilOffline
      ? "connecting"
      : "offline";
  }

  private participants(): Participant[] {
    const self = this.doc.clientID;
    return Array.from(this.awareness.getStates(), ([clientId, state]) => ({
      ...personFrom(state["user"], clientId),
      clientId,
      self: clientId === self,
      status: statuses.includes(state["status"]) ? (state["status"] as Status) : "active",
      typing: state["typing"] === true,
    })).sort((a, b) => Number(b.self) - Number(a.self) || a.clientId - b.clientId);
  }
}

// Leaving a document must not drop what is not saved yet, so a session outlives its view until it is.
const sessions = new Map<string, Session>();
const shown = new Set<Session>();

export function openSession(ref: DocumentRef): Session {
  const key = syncRoom(ref);
  const session = sessions.get(key) ?? new Session(ref);
  sessions.set(key, session);
  shown.add(session);
  return session;
}

export function releaseSession(session: Session): void {
  shown.delete(session);
  session.leave();
  const finish = () => {
    if (shown.has(session)) return stop();
    if (session.unsaved) return;
    stop();
    sessions.delete(syncRoom(session.ref));
    session.destroy();
  };
  const stop = session.subscribe(finish);
  finish();
}

export const anythingUnsaved = () => Array.from(sessions.values()).some((session) => session.unsaved);
