const number = new Intl.NumberFormat("en");

/** "5 min", "2 h" of milliseconds. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${Math.max(1, seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

const entries = (count: number) => `${number.format(count)} ${count === 1 ? "entry" : "entries"}`;
const others = (count: number) => (count === 0 ? "" : count === 1 ? "; so is one other" : `; so are ${count} others`);

export const mesh = {
  title: "Mesh",
  about: "The devices of this workspace, and how what is written gets from one to the other.",
  table: "The nodes as a table",
  picture: "Picture of the mesh; the table below says the same",
  thisNode: "This node",
  self: "this node",
  alone: "No other members yet",
  aloneText: "Everybody who joins with an own node shows up here, with the links between them.",
  invite: "Invite somebody",
  behind: (name: string, count: number, more: number) =>
    `${name} is ${count > 0 ? `${entries(count)} behind` : "catching up"}${others(more)}`,
  nobody: (count: number) =>
    count === 1 ? "The other node is away; what you write waits here" : `All ${count} other nodes are away; what you write waits here`,
  away: (name: string, ms: number | null, more: number) =>
    more === 0
      ? `${name} ${ms === null ? "is away" : `has been away for ${duration(ms)}`}; it will catch up`
      : `${name} and ${more === 1 ? "one other" : `${more} others`} are away; they will catch up`,
  allInStep: (count: number) => (count === 2 ? "Both nodes in step" : `All ${count} nodes in step`),
  allOnline: (count: number) => `All ${count} nodes are online`,
  onlineShort: (count: number) => `${count} nodes online`,
  unknown: "Asking how the team stands",
  aloneShort: "No other members",
  catchingUpShort: "Catching up",
  workingAlone: "Working alone",
  someShort: (online: number, all: number) => `${online} of ${all} nodes here`,
  inStepShort: (count: number) => `${count} nodes in step`,
  open: (text: string) => `Mesh: ${text}`,
  state: { in_step: "in step", unknown: "online" },
  behindBy: (count: number) => (count > 0 ? `${entries(count)} behind` : "behind"),
  awaySince: (ms: number | null) => (ms === null ? "away" : `away for ${duration(ms)}`),
  latency: (ms: number) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`),
  columns: { node: "Node", role: "Role", state: "State", links: "Linked to" },
  link: (name: string, kind: "direct" | "relay", ms: string | null, confirmed: boolean) =>
    [name, kind === "relay" ? "by relay" : "", ms ?? "", confirmed ? "" : "one end says so"].filter(Boolean).join(" · "),
  noLinks: "nobody",
  moreLinks: (count: number) => `and ${count} more`,
  legend: { direct: "direct link", relay: "by relay" },
  legendTitle: "What the signs mean",
  failed: "How the mesh stands cannot be said",
} as const;
