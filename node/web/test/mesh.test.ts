import { describe, expect, it } from "vitest";

import type { Peer } from "../src/api";
import { meshSummary } from "../src/mesh";

const peer = (linked: boolean, entries_behind = 0, entries_ahead = 0): Peer => ({
  device: "00",
  name: "",
  linked,
  in_step: entries_behind + entries_ahead === 0,
  entries_behind,
  entries_ahead,
  round_trip_ms: null,
});

describe("meshSummary", () => {
  it.each([
    [[], "idle", "no other members yet"],
    [[peer(true)], "good", "1 of 1 peer linked · in step"],
    [[peer(true, 0, 40)], "good", "1 of 1 peer linked · in step"],
    [[peer(true), peer(false)], "busy", "1 of 2 peers linked · in step"],
    [[peer(true), peer(true, 1)], "busy", "2 of 2 peers linked · catching up"],
    [[peer(true), peer(true, 0, 5000)], "busy", "2 of 2 peers linked · catching up"],
    [[peer(false, 3)], "bad", "0 of 1 peer linked · working alone"],
  ])("%#", (peers, tone, text) => {
    expect(meshSummary(peers as Peer[])).toEqual({ tone, text });
  });
});
