// The versions of a document, read again when it changes. One for all parts of the page that show it.

import { useSyncExternalStore } from "react";
import type * as Y from "yjs";

import { listVersions, type Sealed, type VersionsAnswer } from "./api";
import { Writers } from "./people";
import { type Entry, entriesOf } from "./timeline";

const pageVersions = 50;
/** The node reads the whole history for each answer: not for each keystroke. */
const afterEditMs = 4000;
/** Names that others give are no edits, so they are only seen by asking. */
const everyMs = 30_000;

export interface VersionListState {
  /** Null until the first answer. */
  entries: Entry[] | null;
  writers: Writers;
  /** Older ones that were not asked for. */
  more: number;
  sealed: Sealed;
  /** Why the last question failed, for people. */
  error: string | null;
}

const nothing: VersionListState = {
  entries: null,
  writers: new Writers({ names: {}, persons: {} }),
  more: 0,
  sealed: { sealed: 0, sealed_until: 0 },
  error: null,
};

const read = ({ versions, more, names, persons, sealed, sealed_until }: VersionsAnswer): VersionListState => ({
  entries: entriesOf(versions),
  writers: new Writers({ names, persons }),
  more,
  sealed: { sealed, sealed_until },
  error: null,
});

export class VersionList {
  private state = nothing;
  private readonly listeners = new Set<() => void>();
  private limit = pageVersions;
  private etag: string | null = null;
  private asking: Promise<void> | null = null;
  private again = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private interval: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly document: string,
    private readonly doc: Y.Doc,
  ) {}

  /** Shape of useSyncExternalStore. */
  readonly view = (): VersionListState => this.state;
  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.listeners.size === 0) this.start();
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop();
    };
  };

  /** Asks now; what is being asked already may be too old. */
  refresh(): Promise<void> {
    if (this.asking) this.again = true;
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
      if (!this.again) return;
      this.again = false;
      void this.refresh();
    });
    return this.asking;
  }

  loadMore(): void {
    this.limit += 2 * pageVersions;
    this.etag = null;
    void this.refresh();
  }

  private readonly onUpdate = () => {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.refreshIfSeen();
    }, afterEditMs);
  };
  private readonly refreshIfSeen = () => {
    if (document.visibilityState === "visible") void this.refresh();
  };

  private start(): void {
    this.doc.on("update", this.onUpdate);
    document.addEventListener("visibilitychange", this.refreshIfSeen);
    this.interval = setInterval(this.refreshIfSeen, everyMs);
    void this.refresh();
  }

  private stop(): void {
    this.doc.off("update", this.onUpdate);
    document.removeEventListener("visibilitychange", this.refreshIfSeen);
    clearInterval(this.interval);
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async ask(): Promise<void> {
    try {
      const answer = await listVersions(this.document, this.limit, this.etag);
      if (answer) {
        this.etag = answer.etag;
        this.change(read(answer.answer));
      } else if (this.state.error !== null) {
        this.change({ ...this.state, error: null });
      }
    } catch (error) {
      this.change({ ...this.state, error: error instanceof Error ? error.message : String(error) });
    }
  }

  private change(state: VersionListState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

/** By the Yjs document, so that a list goes with its session. */
const lists = new WeakMap<Y.Doc, VersionList>();

function listOf(document: string, doc: Y.Doc): VersionList {
  const known = lists.get(doc);
  if (known) return known;
  const list = new VersionList(document, doc);
  lists.set(doc, list);
  return list;
}

const noSubscription = () => () => {};
const noState = () => nothing;

/** Null as long as the node has no such document. */
export function useVersionList(document: string | null, doc: Y.Doc): VersionListState & { list: VersionList | null } {
  const list = document === null ? null : listOf(document, doc);
  const state = useSyncExternalStore(list?.subscribe ?? noSubscription, list?.view ?? noState);
  return { ...state, list };
}
