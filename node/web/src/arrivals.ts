// What a connection brings, taken in many at once.
//
// Each update by itself would have the editor place, draw and lay out anew a hundred times a second
// where twenty people type. What arrives after a rest is taken in at once; what follows it waits for
// the end of the pause, and is then one Yjs transaction and one change of awareness.

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { applyAwarenessUpdate, type Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

const pauseMs = 50;
/** Where many write, each of whom is seen well enough ten times a second. */
const crowdMessages = 5;
const crowdPauseMs = 100;
/** At most this part of the time goes into taking in, so that typing keeps its share. */
const busyShare = 1 / 4;
const pauseMaxMs = 1000;
/** After a key, until its frame is painted; but nothing waits longer than `keptMaxMs` for keys. */
const keyMs = 40;
const keptMaxMs = 200;

interface PersonState {
  clock: number;
  /** JSON; "null": gone. */
  state: string;
}

/** Several awareness updates as one, with the newest word of each client. */
export function mergeAwareness(updates: readonly Uint8Array[]): Uint8Array {
  const states = new Map<number, PersonState>();
  for (const update of updates) {
    const decoder = decoding.createDecoder(update);
    for (let left = decoding.readVarUint(decoder); left > 0; --left) {
      const client = decoding.readVarUint(decoder);
      const next = { clock: decoding.readVarUint(decoder), state: decoding.readVarString(decoder) };
      const known = states.get(client);
      // As y-protocols judges them: of one clock, that somebody is gone counts.
      const newer = !known || next.clock > known.clock || (next.clock === known.clock && next.state === "null");
      if (newer) states.set(client, next);
    }
  }
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, states.size);
  for (const [client, { clock, state }] of states) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
    encoding.writeVarString(encoder, state);
  }
  return encoding.toUint8Array(encoder);
}

export class Arrivals {
  private updates: Uint8Array[] = [];
  private states: Uint8Array[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private restUntil = 0;
  private keyUntil = 0;

  /** `origin`: of the transactions. */
  constructor(
    private readonly doc: Y.Doc,
    private readonly awareness: Awareness,
    private readonly origin: unknown,
  ) {}

  update(update: Uint8Array): void {
    this.updates.push(update);
    this.schedule();
  }

  awarenessUpdate(update: Uint8Array): void {
    this.states.push(update);
    this.schedule();
  }

  /** The person pressed a key, whose frame comes first. */
  keyPressed(): void {
    this.keyUntil = performance.now() + keyMs;
  }

  /** What waits is taken in: something comes that is to be seen after it. */
  take(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { updates, states } = this;
    if (updates.length === 0 && states.length === 0) return;
    this.updates = [];
    this.states = [];
    const from = performance.now();
    if (updates.length > 0) Y.transact(this.doc, () => updates.forEach((one) => this.apply(one)), this.origin, false);
    if (states.length > 0) this.applyStates(states);
    const now = performance.now();
    const pause = updates.length + states.length > crowdMessages ? crowdPauseMs : pauseMs;
    this.restUntil = now + Math.min(pauseMaxMs, Math.max(pause, (now - from) / busyShare));
  }

  /** After the connection ended nobody it told of is here any more. */
  disconnected(): void {
    this.states = [];
    this.take();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.updates = [];
    this.states = [];
  }

  private apply(update: Uint8Array): void {
    try {
      Y.applyUpdate(this.doc, update, this.origin);
    } catch (error) {
      // One that is not of Yjs must not take the others with it.
      console.error("an update could not be read", error);
    }
  }

  private applyStates(states: readonly Uint8Array[]): void {
    try {
      applyAwarenessUpdate(this.awareness, mergeAwareness(states), this.origin);
    } catch (error) {
      console.error("what somebody said of themselves could not be read", error);
      if (states.length > 1) for (const one of states) this.applyStates([one]);
    }
  }

  private schedule(): void {
    if (this.timer !== undefined) return;
    const now = performance.now();
    this.wait(now, Math.max(now + keptMaxMs, this.restUntil));
  }

  private wait(now: number, atLast: number): void {
    const ms = Math.min(atLast, Math.max(this.restUntil, this.keyUntil)) - now;
    if (ms <= 0) return this.take();
    this.timer = setTimeout(() => this.wait(performance.now(), atLast), ms);
  }
}
