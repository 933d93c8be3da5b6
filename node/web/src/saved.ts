// Whether what this tab changed is safe on the node's disk.
//
// The node answers a connection opened with ?saved=1 by messages that say how many of the updates
// received on it (sync updates and sync step 2) are durable, cumulatively (docs/PROTOCOL.md,
// "Bridge"). This class counts the same messages as they are sent. It does no I/O.

export type SavedState =
  /** Nothing is known yet: the document has not been loaded. */
  | "loading"
  | "saved"
  | "saving"
  /** Not connected, and this tab holds changes that no node is known to have. */
  | "offline-unsaved"
  /** Not connected, but every change made here had been saved before. */
  | "offline";

export class SavedTracker {
  private connected = false;
  /** Our sync step 2 brings everything made before or between connections: until it is sent, the
   * counters of this connection do not cover all changes. */
  private answered = false;
  private loaded = false;
  private sent = 0;
  private durable = 0;
  private waiting_ = 0;

  /** How many edits made here no node is known to have on disk. */
  get waiting(): number {
    return this.waiting_;
  }

  /** What a tab before this one left in the browser's store. */
  restored(waiting: number): void {
    this.waiting_ += waiting;
    this.loaded = true;
  }

  /** A new connection: the node counts from zero. */
  opened(): void {
    this.connected = true;
    this.answered = false;
    this.sent = 0;
    this.durable = 0;
  }

  closed(): void {
    this.connected = false;
  }

  /** The document's content has arrived. */
  synced(): void {
    this.loaded = true;
  }

  /** The person changed the document; `sent` if an update went out on the current connection. */
  edited(sent: boolean): void {
    this.waiting_ += 1;
    if (sent) this.sent += 1;
  }

  /** Something that was not changed here went out on the current connection: counted, not waited for. */
  relayed(): void {
    this.sent += 1;
  }

  /** A sync step 2 went out on the current connection. */
  answeredSync(): void {
    this.answered = true;
    this.sent += 1;
  }

  /** The node says that the first `count` messages of this connection are durable. */
  confirmed(count: number): void {
    // Counts only grow; a smaller one can only be a late message.
    this.durable = Math.max(this.durable, count);
    if (this.upToDate) this.waiting_ = 0;
  }

  /** The first `count` of what waits is durable, as another way than this connection says. */
  stored(count: number): void {
    this.waiting_ = Math.max(0, this.waiting_ - count);
  }

  /** True if closing the tab now could lose something. */
  get unsaved(): boolean {
    return this.waiting_ > 0;
  }

  get state(): SavedState {
    if (!this.connected) {
      if (this.unsaved) return "offline-unsaved";
      return this.loaded ? "offline" : "loading";
    }
    if (this.unsaved) return "saving";
    return this.loaded ? "saved" : "loading";
  }

  private get upToDate(): boolean {
    return this.connected && this.answered && this.durable >= this.sent;
  }
}
