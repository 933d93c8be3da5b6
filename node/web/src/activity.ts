// Whether the person at this page is active, idle or away, and typing: for the others to see.

import type { Status } from "./events";

export const idleAfterMs = 60_000;
export const typingForMs = 1000;

export function statusAt(now: number, lastInput: number, hidden: boolean): Status {
  if (hidden) return "away";
  return now - lastInput >= idleAfterMs ? "idle" : "active";
}

const inputs = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"] as const;

/** Tells `onStatus` now and whenever it changes. Returns what ends it. */
export function watchStatus(onStatus: (status: Status) => void): () => void {
  let lastInput = Date.now();
  let told: Status | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    const now = Date.now();
    const status = statusAt(now, lastInput, document.visibilityState === "hidden");
    if (status !== told) onStatus((told = status));
    clearTimeout(timer);
    timer = status === "active" ? setTimeout(look, lastInput + idleAfterMs - now) : undefined;
  };
  const onInput = () => {
    lastInput = Date.now();
    if (told !== "active") look();
  };
  for (const input of inputs) addEventListener(input, onInput, { capture: true, passive: true });
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearTimeout(timer);
    for (const input of inputs) removeEventListener(input, onInput, { capture: true });
    document.removeEventListener("visibilitychange", look);
  };
}

/** Tells `onTyping` true at the first of several calls of pressed(), and false when they stop. */
export class Typing {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onTyping: (typing: boolean) => void) {}

  pressed(): void {
    if (this.timer === undefined) this.onTyping(true);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.stop(), typingForMs);
  }

  stop(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.onTyping(false);
  }
}
