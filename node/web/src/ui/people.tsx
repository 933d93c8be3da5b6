import { gather, initials } from "../person";
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
  const people = gather(participants);
  const shown = people.slice(0, people.length > shownMax ? shownMax - 1 : shownMax);
  const hidden = people.slice(shown.length);
  return (
    <ul className="people" aria-label="People in this document">
      {shown.map(({ id, name, color, self, status }) => (
        <li key={id} data-status={status} title={self ? `${name} (you)` : name}>
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
