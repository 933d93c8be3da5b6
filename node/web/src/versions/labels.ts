// Moments in words.

import { versions as strings } from "../strings/versions";
import { dayOf, type Entry } from "./timeline";

const clock = new Intl.DateTimeFormat("en", { timeStyle: "short" });
const day = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });
const short = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const shortOfYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });

const sameYear = (time: number, now: number) => new Date(time).getFullYear() === new Date(now).getFullYear();

/** For what is kept: it will be read on other days. */
export const stamp = (time: number) => `${short.format(time)}, ${clock.format(time)}`;

export function dayTitle(time: number, now = Date.now()): string {
  if (dayOf(time) === dayOf(now)) return strings.today;
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayOf(time) === dayOf(yesterday.getTime())) return strings.yesterday;
  return (sameYear(time, now) ? day : dayOfYear).format(time);
}

/** "2:05 PM", or with the day if it is another than that of `beside`. */
export function momentTitle(time: number, beside = Date.now()): string {
  if (dayOf(time) === dayOf(beside)) return clock.format(time);
  return `${(sameYear(time, beside) ? short : shortOfYear).format(time)}, ${clock.format(time)}`;
}

/** What a version is called where nothing around it says when it was. */
export function labelOf(entry: Entry): string {
  if (entry.name !== null) return `“${entry.name}”`;
  return entry.current ? strings.current : momentTitle(entry.time);
}
