import { describe, expect, it } from "vitest";

import { circleMax, layOut } from "../src/mesh/layout";
import { type Mesh, type MeshNode, meshOf, meshOfPeers, type PeerAnswer, settled } from "../src/mesh/picture";
import { meshHeadline, meshSummary } from "../src/mesh/summary";
import { duration } from "../src/strings/mesh";

const node = (name: string, more: Partial<MeshNode> = {}): MeshNode => ({
  device: name,
  name,
  role: "editor",
  self: false,
  state: "in_step",
  behind: 0,
  awayMs: null,
  ...more,
});
const self = node("red", { self: true });
const behind = (name: string, count: number) => node(name, { state: "behind", behind: count });
const away = (name: string, awayMs: number | null = null) => node(name, { state: "offline", awayMs });
const mesh = (...nodes: MeshNode[]): Mesh => ({ nodes, links: [] });

describe("the headline", () => {
  it.each([
    [[self], "idle", "No other members yet"],
    [[self, node("blue")], "good", "Both nodes in step"],
    [[self, node("blue"), node("green"), node("gold")], "good", "All 4 nodes in step"],
    [[self, behind("blue", 120), node("green")], "busy", "blue is 120 entries behind"],
    [[self, behind("blue", 0)], "busy", "blue is catching up"],
    [[self, node("blue"), node("green", { state: "unknown" })], "idle", "All 3 nodes are online"],
    [[self, behind("blue", 1)], "busy", "blue is 1 entry behind"],
    [[{ ...self, state: "behind", behind: 7 }, node("blue")], "busy", "This node is 7 entries behind"],
    [[self, behind("blue", 120), behind("gold", 4000)], "busy", "gold is 4,000 entries behind; so is one other"],
    [[self, node("blue"), away("green", 300_000)], "busy", "green has been away for 5 min; it will catch up"],
    [[self, node("blue"), away("green")], "busy", "green is away; it will catch up"],
    [[self, node("blue"), away("green", 1), away("gold", 2)], "busy", "gold and one other are away; they will catch up"],
    [[self, away("blue")], "bad", "The other node is away; what you write waits here"],
    [[self, away("blue"), away("green")], "bad", "All 2 other nodes are away; what you write waits here"],
  ])("%#", (nodes, tone, text) => {
    expect(meshHeadline(mesh(...(nodes as MeshNode[])))).toEqual({ tone, text });
  });

  it("has a short form", () => {
    expect(meshSummary(null).tone).toBe("idle");
    expect(meshSummary(mesh(self))).toEqual({ tone: "idle", text: "No other members" });
    expect(meshSummary(mesh(self, node("b"), away("g")))).toEqual({ tone: "busy", text: "2 of 3 nodes here" });
    expect(meshSummary(mesh(self, away("g")))).toEqual({ tone: "bad", text: "Working alone" });
    expect(meshSummary(mesh(self, behind("b", 9)))).toEqual({ tone: "busy", text: "Catching up" });
    expect(meshSummary(mesh(self, node("b")))).toEqual({ tone: "good", text: "2 nodes in step" });
  });

  it.each([[900, "1 s"], [59_000, "59 s"], [300_000, "5 min"], [7_300_000, "2 h"], [259_200_000, "3 days"]])("%d ms are %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

const peer = (name: string, more: Partial<PeerAnswer> = {}): PeerAnswer => ({
  device: name,
  name,
  role: "editor",
  linked: true,
  in_step: true,
  entries_behind: 0,
  entries_ahead: 0,
  path: "direct",
  via: [],
  last_heard_ms_ago: 100,
  round_trip_ms: 2,
  ...more,
});
const unlinked = { linked: false, in_step: null, entries_behind: null, entries_ahead: null, round_trip_ms: null };

describe("the picture", () => {
  it("is the node's, with what peers tell of who is away", () => {
    const answer = {
      self: "red",
      nodes: [
        { device: "blue", name: "", role: "editor", online: false, in_step: null, behind: null, ahead: null },
        { device: "red", name: "red", role: "host", online: true, in_step: true, behind: null, ahead: null },
        { device: "gold", name: "gold", role: null, online: true, in_step: false, behind: 12, ahead: 3 },
        { device: "grey", name: "grey", role: "viewer", online: true, in_step: null, behind: null, ahead: null },
        { device: "jade", name: "jade", role: "viewer", online: true, in_step: false, behind: 0, ahead: 9 },
        { device: "lime", name: "lime", role: "viewer", online: true, in_step: false, behind: null, ahead: null },
      ],
      links: [{ a: "red", b: "gold", kind: "relay", round_trip_ms: 30, in_step: false, confirmed: false }],
    };
    expect(meshOf(answer, [peer("blue", { last_heard_ms_ago: 5000 })])).toEqual({
      nodes: [
        node("red", { self: true, role: "host", state: "behind", behind: 9 }),
        away("blue", 5000),
        { ...behind("gold", 12), role: "" },
        node("grey", { role: "viewer", state: "unknown" }),
        node("jade", { role: "viewer" }),
        node("lime", { role: "viewer", state: "behind" }),
      ],
      links: [{ a: "red", b: "gold", kind: "relay", roundTripMs: 30, inStep: false, confirmed: false }],
    });
  });

  it("is made of peers where the node has none", () => {
    const made = meshOfPeers({ device: "red", name: "red", role: "host" }, [
      peer("blue", { in_step: false, entries_ahead: 12, via: [{ device: "gold", name: "gold" }] }),
      peer("gold", { ...unlinked, path: "via", via: [{ device: "blue", name: "blue" }] }),
      peer("green", { ...unlinked, path: "offline", last_heard_ms_ago: 9000 }),
    ]);
    expect(made.nodes).toEqual([
      node("red", { self: true, role: "host" }),
      behind("blue", 12),
      node("gold", { state: "unknown" }),
      away("green", 9000),
    ]);
    expect(made.links).toEqual([
      { a: "red", b: "blue", kind: "direct", roundTripMs: 2, inStep: false, confirmed: true },
      { a: "gold", b: "blue", kind: "direct", roundTripMs: null, inStep: true, confirmed: false },
    ]);
  });

  it("says what this node itself lacks", () => {
    const [own] = meshOfPeers({ device: "r", name: "", role: "host" }, [peer("b", { in_step: false, entries_behind: 7 })]).nodes;
    expect(own).toMatchObject({ self: true, state: "behind", behind: 7 });
  });

  it("shows nobody behind in passing, and those who stay so", () => {
    const since = new Map<string, number>();
    const few = mesh(self, behind("blue", 5));
    expect(settled(few, since, 1000).nodes[1]?.state).toBe("in_step");
    expect(settled(few, since, 6900).nodes[1]?.state).toBe("in_step");
    expect(settled(few, since, 7000).nodes[1]?.state).toBe("behind");
    expect(settled(mesh(self, node("blue")), since, 8000).nodes[1]?.state).toBe("in_step");
    expect(settled(few, since, 9000).nodes[1]?.state).toBe("in_step");
    expect(settled(mesh(self, behind("blue", 101)), since, 9100).nodes[1]?.state).toBe("behind");
  });
});

describe("the layout", () => {
  const devices = (count: number) => Array.from({ length: count }, (_, index) => index.toString(16).padStart(4, "0"));

  it.each([1, 2, 3, 5, 12, circleMax, circleMax + 1, 100])("of %d nodes is the same whatever their order, inside and apart", (count) => {
    const { nodes, width, height, shape } = layOut(devices(count));
    expect(layOut(devices(count).reverse()).nodes).toEqual(nodes);
    expect(shape).toBe(count > circleMax ? "grid" : "circle");
    const placed = [...nodes.values()];
    for (const { x, y } of placed) {
      expect(x).toBeGreaterThan(40);
      expect(x).toBeLessThan(width - 40);
      expect(y).toBeGreaterThan(20);
      expect(y).toBeLessThan(height - 40);
    }
    placed.forEach((a, index) => {
      for (const b of placed.slice(index + 1)) expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(60);
    });
  });
});
