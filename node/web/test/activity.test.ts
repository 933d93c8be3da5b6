import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { idleAfterMs, statusAt, Typing, typingForMs } from "../src/activity";

describe("status", () => {
  it("is away in a hidden tab, idle without input, else active", () => {
    expect(statusAt(idleAfterMs - 1, 0, false)).toBe("active");
    expect(statusAt(idleAfterMs, 0, false)).toBe("idle");
    expect(statusAt(0, 0, true)).toBe("away");
  });
});

describe("typing", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is told once, and that it ended once it ended", () => {
    const told: boolean[] = [];
    const typing = new Typing((now) => told.push(now));
    typing.pressed();
    vi.advanceTimersByTime(typingForMs - 1);
    typing.pressed();
    vi.advanceTimersByTime(typingForMs - 1);
    expect(told).toEqual([true]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([true, false]);
    typing.stop();
    typing.pressed();
    typing.stop();
    expect(told).toEqual([true, false, true, false]);
  });
});
