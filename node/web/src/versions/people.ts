// Who wrote something, as people see it: devices gathered by person, each with a colour of its own.

import { cleanName, colors } from "../person";
import { versions as strings } from "../strings/versions";
import type { People, VersionAuthor } from "./api";

export interface Writer {
  /** The person's id; of one that is not a member (any more), the device's. */
  id: string;
  name: string;
  color: string;
}

/** Stands for all that was written before what is kept (node/daemon/history_calls.hpp). */
const pruned = /^0+$/;

const preferred = (id: string): number => {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) >>> 0;
  return sum % colors.length;
};

/** Looks up who a device is. Colours follow from the ids, so that they are the same in every window. */
export class Writers {
  private readonly byId = new Map<string, Writer>();

  constructor(private readonly people: People) {
    const ids = new Set(Object.keys(people.names).filter((id) => !pruned.test(id)).map((id) => this.personOf(id)));
    const taken = new Set<number>();
    for (const id of Array.from(ids).sort()) {
      // Two of few should not look alike; of more than there are colours, some do.
      let color = preferred(id);
      while (taken.size < colors.length && taken.has(color)) color = (color + 1) % colors.length;
      taken.add(color);
      this.byId.set(id, { id, name: this.nameOf(id), color: colors[color] as string });
    }
  }

  of(device: string): Writer {
    const id = this.personOf(device);
    const known = this.byId.get(id);
    if (known) return known;
    const writer = { id, name: this.nameOf(id), color: colors[preferred(id)] as string };
    this.byId.set(id, writer);
    return writer;
  }

  private personOf(device: string): string {
    return this.people.persons[device] ?? device;
  }

  private nameOf(id: string): string {
    if (pruned.test(id)) return strings.prunedAuthor;
    return cleanName(this.people.names[id] ?? "") || `${strings.nobody} (${id.slice(0, 6)})`;
  }
}

/** The persons among `authors`, each once, in their order. */
export function writersOf(authors: readonly VersionAuthor[], writers: Writers): Writer[] {
  return Array.from(new Set(authors.map(({ device }) => writers.of(device))));
}
