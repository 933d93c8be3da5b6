// The workspace's nodes and links as they are shown, whichever of the node's answers they come from.

/** "unknown": there is a way to it, and nothing tells what it holds. */
export type NodeState = "in_step" | "behind" | "offline" | "unknown";

export interface MeshNode {
  device: string;
  name: string;
  role: string;
  self: boolean;
  state: NodeState;
  /** Entries it lacks of what is known here; 0: none, or not known. */
  behind: number;
  /** For how long nothing was heard of it; null: not known, or it is online. */
  awayMs: number | null;
}

export interface MeshLink {
  a: string;
  b: string;
  kind: "direct" | "relay";
  /** Null: nobody measured it. */
  roundTripMs: number | null;
  inStep: boolean;
  /** Both ends say that it is there; else only one does. */
  confirmed: boolean;
}

export interface Mesh {
  /** This node first, the others by name. */
  nodes: MeshNode[];
  links: MeshLink[];
}

/** Of GET /v1/workspaces/{workspace}/mesh. */
export interface MeshAnswer {
  self: string;
  nodes: {
    device: string;
    name: string;
    role: string | null;
    online: boolean;
    in_step: boolean | null;
    /** Entries it lacks of this node's, and this node of its; null: it is not linked with this node. */
    behind: number | null;
    ahead: number | null;
  }[];
  links: { a: string; b: string; kind: string; round_trip_ms: number | null; in_step: boolean | null; confirmed: boolean }[];
}

/** Of GET /v1/workspaces/{workspace}/peers: what this node knows of the others. */
export interface PeerAnswer {
  device: string;
  name: string;
  role: string | null;
  linked: boolean;
  in_step: boolean | null;
  entries_behind: number | null;
  entries_ahead: number | null;
  path: string;
  via: { device: string; name: string }[];
  last_heard_ms_ago: number | null;
  round_trip_ms: number | null;
}

const nameOf = (name: string, device: string) => name || device.slice(0, 8);

const byName = (a: MeshNode, b: MeshNode) =>
  Number(b.self) - Number(a.self) || a.name.localeCompare(b.name) || (a.device < b.device ? -1 : 1);

/** `peers` tell since when somebody is away, where they are known. */
export function meshOf(answer: MeshAnswer, peers: readonly PeerAnswer[]): Mesh {
  const heard = new Map(peers.map((peer) => [peer.device, peer.last_heard_ms_ago]));
  const lacks = Math.max(0, ...answer.nodes.map(({ in_step, ahead }) => (in_step === false ? (ahead ?? 0) : 0)));
  const nodes = answer.nodes.map((node): MeshNode => {
    const self = node.device === answer.self;
    return {
      device: node.device,
      name: nameOf(node.name, node.device),
      role: node.role ?? "",
      self,
      state: self ? (lacks > 0 ? "behind" : "in_step") : stateOf(node),
      behind: self ? lacks : node.in_step === false ? (node.behind ?? 0) : 0,
      awayMs: self || node.online ? null : (heard.get(node.device) ?? null),
    };
  });
  const links = answer.links.map((link): MeshLink => ({
    a: link.a,
    b: link.b,
    kind: link.kind === "relay" ? "relay" : "direct",
    roundTripMs: link.round_trip_ms,
    inStep: link.in_step !== false,
    confirmed: link.confirmed,
  }));
  return { nodes: nodes.sort(byName), links };
}

function stateOf({ online, in_step, behind }: MeshAnswer["nodes"][number]): NodeState {
  if (!online) return "offline";
  if (in_step === null) return "unknown";
  // One that lacks nothing has more than this node, which is what is behind then.
  return in_step || behind === 0 ? "in_step" : "behind";
}

/** For nodes that have no picture of the whole mesh: this node's own links, and those it was told of. */
export function meshOfPeers(
  self: { device: string; name: string; role: string },
  peers: readonly PeerAnswer[],
): Mesh {
  const links: MeshLink[] = [];
  const others = peers.map((peer): MeshNode => {
    const ahead = peer.in_step === false ? (peer.entries_ahead ?? 0) : 0;
    if (peer.linked) {
      const inStep = peer.in_step !== false;
      links.push({ a: self.device, b: peer.device, kind: "direct", roundTripMs: peer.round_trip_ms, inStep, confirmed: true });
    }
    for (const { device } of peer.via) {
      const known = links.some((link) => [link.a, link.b].includes(peer.device) && [link.a, link.b].includes(device));
      const kind = peer.path === "relay" ? "relay" : "direct";
      if (!known) links.push({ a: device, b: peer.device, kind, roundTripMs: null, inStep: true, confirmed: false });
    }
    const online = peer.linked || peer.via.length > 0;
    return {
      device: peer.device,
      name: nameOf(peer.name, peer.device),
      role: peer.role ?? "",
      self: false,
      state: !online ? "offline" : ahead > 0 ? "behind" : peer.linked ? "in_step" : "unknown",
      behind: ahead,
      awayMs: online ? null : peer.last_heard_ms_ago,
    };
  });
  // What this node lacks is at most what one of the others has more than it.
  const lacks = Math.max(0, ...peers.filter((peer) => peer.linked && peer.in_step === false).map((peer) => peer.entries_behind ?? 0));
  const own: MeshNode = {
    ...self,
    name: nameOf(self.name, self.device),
    self: true,
    state: lacks > 0 ? "behind" : "in_step",
    behind: lacks,
    awayMs: null,
  };
  return { nodes: [own, ...others].sort(byName), links };
}

/** Entries on their way while people type: some seconds' worth. */
const inPassing = 100;
const passesWithinMs = 6000;

/**
 * Without those that are behind in passing only: a heartbeat of a moment when somebody types always
 * tells of entries on their way, and the picture would flicker. `since` is kept between calls.
 */
export function settled(mesh: Mesh, since: Map<string, number>, now: number): Mesh {
  const nodes = mesh.nodes.map((node): MeshNode => {
    if (node.state !== "behind") {
      since.delete(node.device);
      return node;
    }
    const first = since.get(node.device) ?? now;
    since.set(node.device, first);
    const inPassingOnly = node.behind <= inPassing && now - first < passesWithinMs;
    return inPassingOnly ? { ...node, state: "in_step", behind: 0 } : node;
  });
  const lagging = new Set(nodes.filter(({ state }) => state === "behind").map(({ device }) => device));
  const links = mesh.links.map((link) => ({ ...link, inStep: link.inStep || !(lagging.has(link.a) || lagging.has(link.b)) }));
  return { nodes, links };
}
