import { initials } from "../person";
import type { Participant } from "../sync";

const shownMax = 5;

export function Avatar({ name, color }: { name: string; color: string }) {
  return (
    <span className="avatar" style={{ background: color }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

/** Who has this document open, on any node. */
export function People({ participants }: { participants: Participant[] }) {
  const shown = participants.slice(0, participants.length > shownMax ? shownMax - 1 : shownMax);
  const hidden = participants.slice(shown.length);
  return (
    <ul className="people" aria-label="People in this document">
      {shown.map(({ clientId, name, color, self }) => (
        <li key={clientId} title={self ? `${name} (you)` : name}>
          <Avatar name={name} color={color} />
          <span className="visually-hidden">{self ? `${name} (you)` : name}</span>
        </li>
      ))}
      {hidden.length > 0 && (
        <li title={hidden.map(({ name }) => name).join(", ")}>
          <span className="avatar more">+{hidden.length}</span>
        </li>
      )}
    </ul>
  );
}
