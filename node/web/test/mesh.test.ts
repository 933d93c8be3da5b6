import { describe, expect, it } from "vitest";

import type { Peer } from "../src/api";
import { meshSummary } from "../src/mesh";

const peer = (linked: boolean, in_step: boolean): Peer => ({
  device: "00", name: "", linked, in_step, entries_behind: 0, entries_ahead: 0, round_trip_ms: null,
}); // prettier-ignore

describe("meshSummary", () => {
  it.each([
    [[], "idle", "no other members yet"],
    [[peer(true, true)], "good", "1 of 1 peer linked · in step"],
    [[peer(true, true), peer(false, true)], "busy", "1 of 2 peers linked · in step"],
    [[peer(true, true), peer(true, false)], "busy", "2 of 2 peers linked · catching up"],
    [[peer(false, false)], "bad", "0 of 1 peer linked · working alone"],
  ])("%#", (peers, tone, text) => {
    expect(meshSummary(peers as Peer[])).toEqual({ tone, text });
  });
});
