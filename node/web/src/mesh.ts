// The mesh in one line.

import type { Peer } from "./api";

export type Tone = "good" | "busy" | "bad" | "idle";

export function meshSummary(peers: Peer[] | null): { tone: Tone; text: string } {
  if (peers === null) return { tone: "idle", text: "" };
  if (peers.length === 0) return { tone: "idle", text: "no other members yet" };
  const linked = peers.filter((peer) => peer.linked);
  const counted = `${linked.length} of ${peers.length} ${peers.length === 1 ? "peer" : "peers"} linked`;
  if (linked.length === 0) return { tone: "bad", text: `${counted} · working alone` };
  const behind = linked.filter((peer) => !peer.in_step).length;
  if (behind > 0) return { tone: "busy", text: `${counted} · catching up` };
  return { tone: linked.length === peers.length ? "good" : "busy", text: `${counted} · in step` };
}
