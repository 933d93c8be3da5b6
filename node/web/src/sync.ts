// Documents that this tab holds, each attached to the node by a WebSocket (y-websocket protocol), or
// by plain HTTP where no WebSocket gets through, and kept in the browser's own store (IndexedDB), so
// that a reload without a network finds everything again.

import { IndexeddbPersistence } from "y-indexeddb";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import type { Awareness } from "y-protocols/awareness";
import { messageYjsSyncStep2, messageYjsUpdate } from "y-protocols/sync";
import { messageAwareness, messageSync, WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { Arrivals } from "./arrivals";
import type { Status } from "./events";
import { HttpSync } from "./http_sync";
import { Later, same, shownAfterMs } from "./later";
import { type Person, personFrom } from "./person";
import { syncRoom, syncServer } from "./route";
import { type SavedState, SavedTracker } from "./saved";
import { tokenParameters } from "./token";

/** The root types that Monaco and TipTap bind by convention; other Yjs clients must use the same. */
export const textRoot = "monaco";
export const richRoot = "default";

/** "This many of your updates are durable": a message type of ours, sent for ?saved=1 only. */
const messageSaved = 100;

/** WebSocket close code "try again later". */
const closeTryAgain = 1013;

/** A reason for an edit that was refused (y-protocols/auth, "permission denied"). */
const messageRefused = 2;

/** Failed attempts after which "connecting" is no longer the honest word. */
const failedAttemptsUntilOffline = 3;
/** Failed attempts after which plain HTTP is tried, as long as it was never connected. */
const failedAttemptsUntilHttp = 2;

/** "http": the node answers, but not to WebSockets. */
export type Connection = "connected" | "http" | "connecting" | "offline" | "refused";

/** WebSocket close codes of the node (docs/PROTOCOL.md, "Bridge"). */
export const closed = { tokenExpired: 4401, sentOut: 4403, madeAnew: 4409, trashed: 4410, sessionEnded: 4423 } as const;

/** A document as it is opened. */
export interface DocumentRef {
  workspace: string;
  /** Its id: it may be moved while it is open. */
  document: string;
}

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
  /** The lines of code in view. */
  viewport?: { from: number; to: number };
}

/** How long the browser's store may take before the node is asked without it. */
const storePatienceMs = 1500;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** In the browser's store, beside the document: how many edits waited. */
const waitingKey = "waiting";
const keptAfterMs = 500;

const statuses: readonly unknown[] = ["active", "idle", "away"];

/** What the page shows of a session. A new object when something in it changed, and only then. */
export interface SessionView {
  connection: Connection;
  /** Why the node refused, if it did, and the code that says so to programs. */
  refusal: string;
  refusalCode: number;
  /** Why the node did not take the last edit, if it did not; it stays in this browser. */
  editRefused: string;
  /** Why the node takes nothing for the moment, if it said so: its disk is full, say. */
  trouble: string;
  /** The content has arrived at least once: it may be edited, offline too. */
  loaded: boolean;
  participants: Participant[];
  following: number | null;
}

/** What is safe. Apart from the rest, as each key changes it. */
export interface SavingView {
  saved: SavedState;
  /** Edits made here that no node is known to have on disk. */
  waiting: number;
  /** When the last of them was known to be. */
  savedAt: number | null;
}

const keptIfEqual = (next: Participant[], known: Participant[]): Participant[] =>
  known.length === next.length && next.every((one, i) => same(one, known[i] as Participant)) ? known : next;

export class Session {
  readonly doc = new Y.Doc();
  readonly text = this.doc.getText(textRoot);
  readonly rich = this.doc.getXmlFragment(richRoot);
  readonly provider: WebsocketProvider;

  private readonly tracker = new SavedTracker();
  private readonly arrivals: Arrivals;
  private readonly listeners = new Set<() => void>();
  private readonly store: IndexeddbPersistence | null;
  private http: HttpSync | null = null;
  private httpReachable = false;
  private everConnected = false;
  private failures = 0;
  private loaded = false;
  private refusal: string | null = null;
  private refusalCode = 0;
  private editRefused = "";
  private trouble = "";
  private savedAt: number | null = null;
  private ended = false;
  private view_: SessionView;
  private saving_: SavingView;
  private readonly changedLater = new Later(() => this.tellListeners(), shownAfterMs);
  private presence: Presence = { status: "active", typing: false };

  constructor(readonly ref: DocumentRef) {
    const room = syncRoom(ref.workspace, ref.document);
    this.provider = new WebsocketProvider(syncServer(location.href), room, this.doc, {
      connect: false,
      params: { saved: "1", ...tokenParameters() },
      // Tabs meet at the node. Side by side, a tab could show as saved what only its sibling has.
      disableBc: true,
    });
    this.arrivals = new Arrivals(this.doc, this.awareness, this.provider);
    this.view_ = this.makeView([]);
    this.saving_ = this.makeSaving();
    this.listen();
    this.store = this.restore();
    // First what this browser has: it is shown at once, and the node sends only the rest.
    void Promise.race(this.store ? [this.store.whenSynced, pause(storePatienceMs)] : [Promise.resolve()]).then(() => {
      if (!this.ended) this.provider.connect();
    });
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get unsaved(): boolean {
    return this.tracker.unsaved;
  }

  /** Shape of useSyncExternalStore. */
  readonly view = (): SessionView => this.view_;
  readonly saving = (): SavingView => this.saving_;
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
    this.provider.params = { ...this.provider.params, ...tokenParameters() };
    this.provider.connect();
    this.changed();
  }

  destroy(): void {
    this.ended = true;
    this.listeners.clear();
    this.changedLater.stop();
    this.keepLater.stop();
    this.keepWaiting();
    this.arrivals.stop();
    removeEventListener("keydown", this.onKey, { capture: true });
    this.http?.stop();
    this.provider.destroy();
    void this.store?.destroy();
    this.doc.destroy();
  }

  /** All of it as plain text, whichever editor it is for. */
  plainText(): string {
    return [this.text.toString(), this.rich.toDOM().textContent ?? ""].filter(Boolean).join("\n");
  }

  /** Takes what this browser keeps of the document away: it is not ours any more, or was made anew. */
  async forget(): Promise<void> {
    await this.store?.clearData();
  }

  private restore(): IndexeddbPersistence | null {
    if (!("indexedDB" in globalThis)) return null;
    const store = new IndexeddbPersistence(`coterie/${this.ref.workspace}/${this.ref.document}`, this.doc);
    void store.whenSynced
      .then(async () => {
        const waiting: unknown = await store.get(waitingKey);
        if (this.ended) return;
        // Complete as far as this browser had it; empty: it was never here.
        if (this.doc.store.clients.size > 0) {
          this.loaded = true;
          this.tracker.restored(typeof waiting === "number" ? waiting : 0);
        }
        this.changed();
      })
      // Private windows may have no store: then the tab is all there is.
      .catch(() => {});
    return store;
  }

  private keptWaiting = 0;
  /** So that a reload without a network knows it, too. */
  private keepWaiting(): void {
    const { waiting } = this.tracker;
    if (!this.store || waiting === this.keptWaiting) return;
    this.keptWaiting = waiting;
    void this.store.set(waitingKey, waiting).catch(() => {});
  }
  /** Most edits do not wait so long. */
  private readonly keepLater = new Later(() => this.keepWaiting(), keptAfterMs);

  private listen(): void {
    const { provider, tracker } = this;
    provider.on("status", ({ status }) => {
      if (status === "connected") {
        this.everConnected = true;
        this.failures = 0;
        this.endHttp();
        tracker.opened();
      }
      if (status === "disconnected") tracker.closed();
      this.changed();
    });
    provider.on("connection-close", (event) => {
      this.arrivals.disconnected();
      if (event?.code === closeTryAgain) this.trouble = event.reason;
      if (!this.everConnected && ++this.failures >= failedAttemptsUntilHttp) this.beginHttp();
      this.changed();
    });
    provider.on("closed", ({ code, reason }) => {
      this.refusal = reason || `The node closed the connection (code ${code}).`;
      this.refusalCode = code;
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
      const sent = provider.ws?.readyState === WebSocket.OPEN && provider.wsconnected;
      if (origin === this.store || origin instanceof HttpSync) {
        if (sent) tracker.relayed();
        return;
      }
      tracker.edited(sent);
      this.changed();
    });
    this.awareness.on("change", ({ updated, removed }: { updated: number[]; removed: number[] }) => {
      if (this.following_ !== null && updated.includes(this.following_)) this.onReveal?.(this.following_);
      if (this.following_ !== null && removed.includes(this.following_)) return this.follow(null);
      this.changed();
    });
    this.watchMessages();
  }

  private readonly onKey = () => this.arrivals.keyPressed();

  private watchMessages(): void {
    const { provider, tracker } = this;
    addEventListener("keydown", this.onKey, { capture: true });
    const readSync = provider.messageHandlers[messageSync];
    if (!readSync) throw new Error("y-websocket has no sync handler");
    provider.messageHandlers[messageSync] = (encoder, decoder, ...rest) => {
      if (decoding.peekVarUint(decoder) === messageYjsUpdate) {
        decoding.readVarUint(decoder);
        return this.arrivals.update(decoding.readVarUint8Array(decoder));
      }
      this.arrivals.take();
      readSync(encoder, decoder, ...rest);
      // The handler wrote the message type and, to a step 1, our answer, which is sent next.
      const answer = encoding.toUint8Array(encoder);
      if (answer.length > 1 && answer[1] === messageYjsSyncStep2) tracker.answeredSync();
    };
    provider.messageHandlers[messageAwareness] = (_encoder, decoder) => {
      this.arrivals.awarenessUpdate(decoding.readVarUint8Array(decoder));
    };
    provider.messageHandlers[messageSaved] = (_encoder, decoder) => {
      const { unsaved } = tracker;
      tracker.confirmed(decoding.readVarUint(decoder));
      if (!tracker.unsaved) this.trouble = "";
      if (unsaved && !tracker.unsaved) this.savedAt = Date.now();
      this.changed();
    };
    provider.messageHandlers[messageRefused] = (_encoder, decoder) => {
      decoding.readVarUint(decoder);
      this.editRefused = decoding.readVarString(decoder);
      this.changed();
    };
  }

  private beginHttp(): void {
    const { ref, tracker } = this;
    if (this.http) return;
    this.http = new HttpSync(this.doc, ref.workspace, ref.document, {
      loaded: () => {
        this.loaded = true;
        this.changed();
      },
      mark: () => tracker.waiting,
      stored: (mark) => {
        tracker.stored(mark);
        if (!tracker.unsaved) this.savedAt = Date.now();
        this.changed();
      },
      reachable: (reachable) => {
        this.httpReachable = reachable;
        this.changed();
      },
      refused: (why) => {
        this.refusal = why;
        this.changed();
      },
    });
  }

  private endHttp(): void {
    this.http?.stop();
    this.http = null;
    this.httpReachable = false;
  }

  private changed(): void {
    this.changedLater.ask();
  }

  private tellListeners(): void {
    this.keepLater.ask();
    const [view, saving] = [this.makeView(this.view_.participants), this.makeSaving()];
    const [viewIsSame, savingIsSame] = [same(view, this.view_), same(saving, this.saving_)];
    if (!viewIsSame) this.view_ = view;
    if (!savingIsSame) this.saving_ = saving;
    if (viewIsSame && savingIsSame) return;
    for (const listener of this.listeners) listener();
  }

  private makeView(participants: Participant[]): SessionView {
    return {
      connection: this.connection(),
      refusal: this.refusal ?? "",
      refusalCode: this.refusalCode,
      editRefused: this.editRefused,
      trouble: this.trouble,
      loaded: this.loaded,
      participants: keptIfEqual(this.participants(), participants),
      following: this.following_,
    };
  }

  private makeSaving(): SavingView {
    return { saved: this.saved(), waiting: this.tracker.waiting, savedAt: this.savedAt };
  }

  private saved(): SavedState {
    if (!this.httpReachable || !this.loaded) return this.tracker.state;
    return this.tracker.unsaved ? "saving" : "saved";
  }

  private connection(): Connection {
    if (this.refusal !== null) return "refused";
    if (this.provider.wsconnected && this.provider.synced) return "connected";
    if (this.httpReachable) return "http";
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

const keyOf = ({ workspace, document }: DocumentRef) => syncRoom(workspace, document);

export function openSession(ref: DocumentRef): Session {
  const key = keyOf(ref);
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
    sessions.delete(keyOf(session.ref));
    session.destroy();
  };
  const stop = session.subscribe(finish);
  finish();
}

export const anythingUnsaved = () => Array.from(sessions.values()).some((session) => session.unsaved);
