// Whether a team is in sync, in words.

import type { Tone } from "../ui/kit";
import { mesh as words } from "../strings/mesh";
import type { Mesh, MeshNode } from "./picture";

const most = <T>(items: readonly T[], by: (item: T) => number): T | undefined =>
  items.reduce<T | undefined>((best, item) => (best === undefined || by(item) > by(best) ? item : best), undefined);

/** The one thing to know first: who is behind, then who is away, then that all is well. */
export function meshHeadline({ nodes }: Mesh): { tone: Tone; text: string } {
  const offline = nodes.filter(({ state }) => state === "offline");
  const behind = nodes.filter(({ state }) => state === "behind");
  if (nodes.length <= 1) return { tone: "idle", text: words.alone };
  if (behind.length > 0) {
    const worst = most(behind, ({ behind }) => behind) as MeshNode;
    return { tone: "busy", text: words.behind(worst.self ? words.thisNode : worst.name, worst.behind, behind.length - 1) };
  }
  if (offline.length === nodes.length - 1) return { tone: "bad", text: words.nobody(offline.length) };
  if (offline.length > 0) {
    const last = most(offline, ({ awayMs }) => awayMs ?? Infinity) as MeshNode;
    return { tone: "busy", text: words.away(last.name, last.awayMs, offline.length - 1) };
  }
  if (nodes.some(({ state }) => state === "unknown")) return { tone: "idle", text: words.allOnline(nodes.length) };
  return { tone: "good", text: words.allInStep(nodes.length) };
}

/** The same in as few words as the top bar has room for. */
export function meshSummary(mesh: Mesh | null): { tone: Tone; text: string } {
  if (mesh === null) return { tone: "idle", text: words.unknown };
  const { nodes } = mesh;
  if (nodes.length <= 1) return { tone: "idle", text: words.aloneShort };
  const online = nodes.filter(({ state }) => state !== "offline").length;
  const behind = nodes.filter(({ state }) => state === "behind").length;
  if (behind > 0) return { tone: "busy", text: words.catchingUpShort };
  if (online === 1) return { tone: "bad", text: words.workingAlone };
  if (online < nodes.length) return { tone: "busy", text: words.someShort(online, nodes.length) };
  if (nodes.some(({ state }) => state === "unknown")) return { tone: "idle", text: words.onlineShort(nodes.length) };
  return { tone: "good", text: words.inStepShort(nodes.length) };
}
