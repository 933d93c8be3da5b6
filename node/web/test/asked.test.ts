import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ApiError } from "../src/api";
import { Asked } from "../src/asked";

const everyMs = 1000;
const page = { visibilityState: "visible", addEventListener: () => {}, removeEventListener: () => {} };

describe("what is asked again and again", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("document", page);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it("is asked once for all who show it, as long as anybody does", async () => {
    const load = vi.fn(() => Promise.resolve({ value: { count: 1 }, etag: null, unchanged: false }));
    const unused = vi.fn();
    const asked = new Asked(load, unused);
    const told = vi.fn();
    const ends = [asked.subscribe(told, everyMs), asked.subscribe(() => {}, 5 * everyMs)];
    await pass(0);
    const before = load.mock.calls.length;
    const { state } = asked;
    expect(state).toEqual({ value: { count: 1 }, error: null, code: null });
    await pass(everyMs);
    expect(load.mock.calls.length).toBe(before + 1);
    // The same again: nobody is told.
    expect(asked.state).toBe(state);
    expect(told).toHaveBeenCalledTimes(1);
    for (const end of ends) end();
    expect(unused).toHaveBeenCalledTimes(1);
    await pass(10 * everyMs);
    expect(load.mock.calls.length).toBe(before + 1);
  });

  it("keeps the last good answer, and asks less often who refuses", async () => {
    let failure: Error | null = null;
    const load = vi.fn(() => (failure ? Promise.reject(failure) : Promise.resolve({ value: 1, etag: '"a"', unchanged: false })));
    const asked = new Asked(load);
    asked.subscribe(() => {}, everyMs);
    await pass(0);
    expect(load).toHaveBeenLastCalledWith(null);
    failure = new ApiError("unauthorized", "you may not");
    await pass(everyMs);
    expect(load).toHaveBeenLastCalledWith('"a"');
    expect(asked.state).toEqual({ value: 1, error: "you may not", code: "unauthorized" });
    const calls = load.mock.calls.length;
    await pass(10 * everyMs);
    expect(load.mock.calls.length).toBe(calls);
    failure = null;
    await asked.ask();
    expect(asked.state.error).toBeNull();
  });
});
