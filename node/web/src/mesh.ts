// The mesh in one line.

import type { Peer } from "./api";

export type Tone = "good" | "busy" | "bad" | "idle";

/** Entries on their way to a peer while people type: some seconds' worth. */
const aheadInPassing = 200;

/**
 * Whether a linked peer and this node have something to catch up on. `in_step` alone would flicker
 * while somebody types, because it tells of the last heartbeat, when entries are always on their way.
 */
export function isCatchingUp(peer: Peer): boolean {
  return !peer.in_step && (peer.entries_behind > 0 || peer.entries_ahead > aheadInPassing);
}

export function meshSummary(peers: Peer[] | null): { tone: Tone; text: string } {
  if (peers === null) return { tone: "idle", text: "" };
  if (peers.length === 0) return { tone: "idle", text: "no other members yet" };
  const linked = peers.filter((peer) => peer.linked);
  const counted = `${linked.length} of ${peers.length} ${peers.length === 1 ? "peer" : "peers"} linked`;
  if (linked.length === 0) return { tone: "bad", text: `${counted} · working alone` };
  if (linked.some(isCatchingUp)) return { tone: "busy", text: `${counted} · catching up` };
  return { tone: linked.length === peers.length ? "good" : "busy", text: `${counted} · in step` };
}
