// The list of versions as people see it: by day, automatic ones under the named one they led to.

import type { AutomaticVersion, NamedVersion, Version, VersionAuthor } from "./api";

export interface Entry {
  /** "now" for what the document is; else the version's id. What the node is asked with, too. */
  at: string;
  /** Null of the current one: it goes on. */
  name: string | null;
  current: boolean;
  /** Of its first and last change. */
  first: number;
  time: number;
  /** Since the version before; null where that is not known. */
  inserted: number | null;
  deleted: number | null;
  authors: VersionAuthor[];
  /** The device that named it. */
  namedBy: string | null;
}

export interface Item extends Entry {
  /** Automatic versions between this named one and the named one before it. */
  under: Entry[];
}

export interface Day {
  /** The local date: "2026-11-22". */
  key: string;
  /** Of its newest version. */
  time: number;
  items: Item[];
}

export const now = "now";

const fromNamed = (named: NamedVersion): Entry => ({
  at: named.id,
  name: named.name,
  current: false,
  first: named.time,
  time: named.time,
  inserted: null,
  deleted: null,
  authors: [],
  namedBy: named.by,
});

const fromAutomatic = (one: AutomaticVersion): Entry => ({
  at: one.current ? now : one.id,
  name: null,
  current: one.current,
  first: one.first,
  time: one.time,
  inserted: one.inserted,
  deleted: one.deleted,
  authors: one.authors,
  namedBy: null,
});

/** One entry for each moment, newest first: an automatic version that was named is that named one. */
export function entriesOf(versions: readonly Version[]): Entry[] {
  const entries: Entry[] = [];
  const automatic = new Map<number, AutomaticVersion>();
  for (const one of versions) if (one.kind === "automatic") automatic.set(one.time, one);
  const named = new Set<number>();
  for (const one of versions) {
    if (one.kind !== "named") continue;
    const same = automatic.get(one.time);
    if (!same || named.has(one.time)) {
      entries.push(fromNamed(one));
      continue;
    }
    named.add(one.time);
    const { at, current, first, inserted, deleted, authors } = fromAutomatic(same);
    entries.push({ ...fromNamed(one), ...{ at: current ? at : one.id, current, first, inserted, deleted, authors } });
  }
  for (const one of versions) {
    if (one.kind === "automatic" && !named.has(one.time)) entries.push(fromAutomatic(one));
  }
  return entries.sort((a, b) => Number(b.current) - Number(a.current) || b.time - a.time);
}

/** The local date of a moment: sorts, and says whether two are the same day. */
export function dayOf(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `fold`: automatic versions go under the named one that came after them. */
export function timeline(entries: readonly Entry[], fold: boolean): Day[] {
  const days: Day[] = [];
  let head: Item | null = null;
  for (const entry of entries) {
    if (fold && head !== null && entry.name === null) {
      head.under.push(entry);
      continue;
    }
    const item: Item = { ...entry, under: [] };
    if (entry.name !== null) head = item;
    const key = dayOf(entry.time);
    const day = days.at(-1);
    if (day?.key === key) day.items.push(item);
    else days.push({ key, time: entry.time, items: [item] });
  }
  return days;
}

/** Entries that a person had a part in; what the document is always stays. */
export const byAuthor = (entries: readonly Entry[], isAuthor: (device: string) => boolean): Entry[] =>
  entries.filter((one) => one.current || one.authors.some(({ device }) => isAuthor(device)));

/** The version that was there before `at`; null: nothing was. */
export function before(entries: readonly Entry[], at: string): Entry | null {
  const index = entries.findIndex((one) => one.at === at);
  return index < 0 ? null : (entries[index + 1] ?? null);
}

/** Of two, the older one first. Of unknown ones the first stays first. */
export function inOrder(entries: readonly Entry[], one: string, other: string): [string, string] {
  const place = (at: string) => entries.findIndex((entry) => entry.at === at);
  return place(one) >= place(other) ? [one, other] : [other, one];
}

/** How many of `entries` are newer than the newest that was there. */
export function newSince(entries: readonly Entry[], known: readonly Entry[]): number {
  const newest = known[0]?.time;
  if (newest === undefined) return 0;
  const ids = new Set(known.map(({ at }) => at));
  return entries.filter((one) => one.time > newest && !one.current && !ids.has(one.at)).length;
}
