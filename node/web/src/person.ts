// Who is here: this browser's person, and what others say about themselves.

import type { Status } from "./events";

export interface Person {
  /** Random, kept by this browser: the same person after a reload, and in another tab. */
  id: string;
  name: string;
  color: string;
}

/** Each is readable under white text and as a cursor on both themes. */
export const colors = [
  "#c2410c", "#b45309", "#4d7c0f", "#047857", "#0e7490",
  "#1d4ed8", "#6d28d9", "#a21caf", "#be123c", "#57534e",
] as const; // prettier-ignore

export const nameCharactersMax = 40;

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const adjectives = ["Calm", "Bright", "Quick", "Gentle", "Clever", "Sunny", "Brave", "Quiet", "Merry", "Keen"];
const animals = ["Otter", "Heron", "Badger", "Finch", "Marten", "Lynx", "Wren", "Hare", "Newt", "Kestrel"];

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;

/** A name as it may be shown: one line, without characters that reorder or hide other text. */
export function cleanName(name: string): string {
  const visible = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").replace(/\s+/g, " ").trim();
  return Array.from(visible).slice(0, nameCharactersMax).join("");
}

/** A person as described by somebody else's browser: any of it may be missing or nonsense. */
export function personFrom(user: unknown, clientId: number): Person {
  const { id, name, color } = (user ?? {}) as { id?: unknown; name?: unknown; color?: unknown };
  return {
    // Other editors have none: then each of their windows is somebody.
    id: typeof id === "string" && /^[\w-]{1,64}$/.test(id) ? id : `client-${clientId}`,
    name: (typeof name === "string" && cleanName(name)) || "Somebody",
    // The colour goes into a style sheet, so nothing but a colour may pass.
    color:
      typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color)
        ? color
        : (colors[clientId % colors.length] as string),
  };
}

/** Windows of one person as one: active if any is. The order is that of the first of each. */
export function gather<Window extends Person & { clientId: number; self: boolean; status: Status; typing: boolean }>(
  windows: Window[],
): (Person & { self: boolean; status: Status; typing: boolean; clients: number[] })[] {
  const order: Status[] = ["active", "idle", "away"];
  const people = new Map<string, ReturnType<typeof gather>[number]>();
  for (const { id, name, color, self, status, typing, clientId } of windows) {
    const known = people.get(id);
    if (!known) {
      people.set(id, { id, name, color, self, status, typing, clients: [clientId] });
      continue;
    }
    known.self ||= self;
    known.typing ||= typing;
    known.clients.push(clientId);
    if (order.indexOf(status) < order.indexOf(known.status)) known.status = status;
  }
  return Array.from(people.values());
}

export function initials(name: string): string {
  const words = name.split(" ").filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => (word ? (Array.from(word)[0] ?? "") : "")).join("").toUpperCase();
}

const storageKey = "coterie.person";

/** Private windows and strict settings refuse storage; the person then lasts as long as the tab. */
export function loadPerson(): Person {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey) ?? "null") as Partial<Person> | null;
    if (stored?.name && cleanName(stored.name)) {
      const person = personFrom({ ...stored, id: stored.id ?? newId() }, 0);
      if (!stored.id) storePerson(person);
      return person;
    }
  } catch {
    // Unreadable: start anew.
  }
  const person = { id: newId(), name: `${pick(adjectives)} ${pick(animals)}`, color: pick(colors) };
  storePerson(person);
  return person;
}

export function storePerson(person: Person): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(person));
  } catch {
    // See loadPerson().
  }
}
