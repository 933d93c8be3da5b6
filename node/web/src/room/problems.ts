import type { Limits } from "../events";
import { strings } from "../strings/room";

/** What something failed with, for people. */
export function problemText(error: unknown, limits: Limits): string {
  const code = (error as { code?: unknown } | null)?.code;
  // Of the events, or of REST.
  if (typeof code === "string" && code.toLowerCase() === "rate_limited") {
    return strings.errors.tooFast(limits.posts_per_minute);
  }
  return error instanceof Error ? error.message : String(error);
}
