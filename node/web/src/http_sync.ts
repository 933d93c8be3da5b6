// A document without WebSocket: polled and written by plain HTTP, as Yjs updates, so that nothing is
// overwritten here either. For networks whose proxies let no WebSocket through.

import * as Y from "yjs";

import { ofDocument } from "./api";
import { token } from "./token";

const pollEveryMs = 1500;
const timeoutMs = 20_000;

export interface HttpSyncEvents {
  /** The whole document has come, for the first time or anew. */
  loaded(): void;
  /** Everything that had been changed when it was asked `mark()` is on the node's disk. */
  stored(mark: number): void;
  /** How many edits wait, to be given back to stored(). */
  mark(): number;
  /** The node answers, or does not. */
  reachable(reachable: boolean): void;
  /** It answers that one may not. */
  refused(why: string): void;
}

export class HttpSync {
  private stopped = false;
  private etag: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** What the node is known to have. */
  private theirs = Y.encodeStateVector(new Y.Doc());

  constructor(
    private readonly doc: Y.Doc,
    private readonly workspace: string,
    private readonly document: string,
    private readonly events: HttpSyncEvents,
  ) {
    void this.turn();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async turn(): Promise<void> {
    try {
      await this.read();
      await this.write();
      this.events.reachable(true);
    } catch {
      this.events.reachable(false);
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.turn(), pollEveryMs);
  }

  private async read(): Promise<void> {
    const headers: Record<string, string> = { accept: "application/octet-stream" };
    if (this.etag !== null) headers["if-none-match"] = this.etag;
    const response = await this.fetch("/export", { headers });
    if (this.stopped || response.status === 304) return;
    if (!response.ok) return this.fail(response);
    const update = new Uint8Array(await response.arrayBuffer());
    if (this.stopped) return;
    this.etag = response.headers.get("etag");
    this.theirs = Y.encodeStateVectorFromUpdate(update);
    Y.applyUpdate(this.doc, update, this);
    this.events.loaded();
  }

  private async write(): Promise<void> {
    const mark = this.events.mark();
    if (mark === 0 || this.stopped) return;
    const update = Y.encodeStateAsUpdate(this.doc, this.theirs);
    const response = await this.fetch("/import", {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: update as Uint8Array<ArrayBuffer>,
    });
    if (!response.ok) return this.fail(response);
    this.events.stored(mark);
  }

  private async fail(response: Response): Promise<void> {
    if (response.status >= 500 || response.status === 429) throw new Error(response.statusText);
    const body = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
    this.events.refused(body?.error?.message ?? response.statusText);
    this.stop();
  }

  private fetch(what: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const shown = token();
    if (shown !== null) headers.set("authorization", `Bearer ${shown}`);
    const where = `${ofDocument(this.document, what)}?${new URLSearchParams({ workspace: this.workspace }).toString()}`;
    return fetch(where, { ...init, headers, signal: AbortSignal.timeout(timeoutMs) });
  }
}
