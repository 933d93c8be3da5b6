import type { EventParticipant } from "../events";
import { cleanName } from "../person";
import type { Participant } from "../sync";
import { people } from "../strings/people";

/**
 * Who is typing, of those whom this browser sees by Yjs awareness and those whom only the events tell
 * of; each person once.
 */
export function typingNames(windows: readonly Participant[], present: readonly EventParticipant[]): string[] {
  const seen = new Map<string, string>();
  const known = new Set(windows.flatMap(({ id, clientId }) => [id, String(clientId)]));
  for (const { id, name, typing, self } of windows) if (typing && !self) seen.set(id, name);
  for (const { user, name, typing, clients } of present) {
    if (!typing || known.has(user) || clients.some((client) => known.has(String(client)))) continue;
    seen.set(user, cleanName(name) || people.somebody);
  }
  const own = windows.filter(({ self }) => self).map(({ id }) => id);
  return Array.from(seen, ([id, name]) => ({ id, name }))
    .filter(({ id }) => !own.includes(id))
    .map(({ name }) => name);
}
