// Everybody who is in the open document: what Yjs awareness says of their windows, and what only the
// events say (device, file, lines, people of other editors).

import type { EventParticipant, Lines, Status } from "../events";
import { cleanName, gather } from "../person";
import { colorFor } from "../room/authors";
import { people } from "../strings/people";
import type { Participant } from "../sync";

export interface PersonHere {
  id: string;
  name: string;
  color: string;
  self: boolean;
  status: Status;
  typing: boolean;
  /** Yjs clients, whose cursors can be followed. */
  clients: number[];
  /** Names of the devices whose bridges they use. */
  devices: string[];
  files: string[];
  viewport: Lines | null;
  /** The person whom they follow. */
  following: string;
}

const unique = (list: string[]) => Array.from(new Set(list.filter(Boolean)));
const isColor = (color: string) => /^#[0-9a-f]{6}$/i.test(color);

/** `present` without ourselves (room/authors.ts, othersOf), or with: who has our clients is us. */
export function peopleHere(windows: readonly Participant[], present: readonly EventParticipant[]): PersonHere[] {
  const used = new Set<EventParticipant>();
  const here = gather(Array.from(windows)).map((person): PersonHere => {
    const theirs = present.filter(({ user, clients }) => user === person.id || clients.some((one) => person.clients.includes(one)));
    for (const one of theirs) used.add(one);
    return { ...person, ...detailsOf(theirs) };
  });
  for (const one of present) {
    if (used.has(one)) continue;
    here.push({
      id: `${one.device} ${one.user}`,
      name: cleanName(one.name) || cleanName(one.device_name) || people.somebody,
      color: isColor(one.color) ? one.color : colorFor(one.device + one.user),
      self: false,
      status: one.status,
      typing: one.typing,
      clients: one.clients,
      ...detailsOf([one]),
    });
  }
  return here;
}

function detailsOf(theirs: readonly EventParticipant[]) {
  return {
    devices: unique(theirs.map(({ device_name }) => cleanName(device_name))),
    files: unique(theirs.map(({ file = "" }) => file)),
    viewport: theirs.find(({ viewport }) => viewport)?.viewport ?? null,
    following: theirs.find(({ following }) => following)?.following ?? "",
  };
}

/** "Typing…", or how they are. */
export const stateText = ({ typing, status }: Pick<PersonHere, "typing" | "status">): string =>
  typing ? people.typing : people.status[status];

/** What they look at, where that is known. */
export function whereText({ files, viewport }: PersonHere): string {
  const lines = viewport ? people.looksAt(viewport.first, viewport.last ?? viewport.first) : "";
  return [files[0] ? people.inFile(files[0]) : "", lines].filter(Boolean).join(" · ");
}
