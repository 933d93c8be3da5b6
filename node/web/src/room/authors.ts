// How those who write are called and coloured.

import type { Author, EventParticipant } from "../events";
import { cleanName, colors, type Person } from "../person";
import { nameInGuestId } from "../people/guest_id";
import { strings } from "../strings/room";
import { sameAuthor, type RoomState } from "./state";

/** Of an author's browsers that are here; of a device's owner only where there is no doubt. */
function participantOf(author: Author, participants: readonly EventParticipant[]): EventParticipant | undefined {
  const there = participants.filter(({ device }) => device === author.device);
  if (author.guest) return there.find(({ user }) => user === author.guest);
  return there.length === 1 ? there[0] : undefined;
}

export function nameOf(author: Author, state: RoomState): string {
  const named = author.name && cleanName(author.name);
  if (named) return named;
  const present = participantOf(author, state.participants)?.name;
  if (present && cleanName(present)) return cleanName(present);
  return author.guest ? (nameInGuestId(author.guest) ?? strings.guest) : author.device.slice(0, 8);
}

function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (hash * 31 + text.charCodeAt(at)) >>> 0;
  return hash;
}

/** The same for the same text. */
export const colorFor = (text: string): string => colors[hashOf(text) % colors.length] as string;

const isColor = (color: string | undefined): color is string => color !== undefined && /^#[0-9a-f]{6}$/i.test(color);

/** One that is readable below white initials; the same for one author as long as nothing says another. */
export function colorOf(author: Author, state: RoomState, person: Person): string {
  if (sameAuthor(author, state.self)) return person.color;
  const color = participantOf(author, state.participants)?.color;
  if (isColor(color)) return color;
  return colorFor(author.device + (author.guest ?? ""));
}

export const isOwn = (author: Author, state: RoomState): boolean => sameAuthor(author, state.self);

/** The node shows us itself where Yjs awareness cannot: as a client that said no id, which begins with "~". */
const isSelf = ({ device, user, name }: EventParticipant, state: RoomState, person: Person) =>
  state.self?.device === device && (state.self.guest ? user === state.self.guest : user.startsWith("~") && name === person.name);

/** The participants without ourselves. */
export const othersOf = (state: RoomState, person: Person): EventParticipant[] =>
  state.participants.filter((one) => one.user !== person.id && !isSelf(one, state, person));
