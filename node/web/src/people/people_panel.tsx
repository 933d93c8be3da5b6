// Everybody in the open document, and the members of its workspace who are not.

import { Crosshair, Eye, EyeOff, Users } from "lucide-react";

import { colorFor } from "../room/authors";
import { useMembers } from "../room/use_members";
import { useOpenDocument } from "../shell/open_document";
import { people as strings } from "../strings/people";
import { Avatar, Empty, IconButton } from "../ui/kit";
import { type PersonHere, stateText, whereText } from "./here";
import css from "./people.module.css";
import { usePeople } from "./use_people";

export function PeoplePanel() {
  const { workspace, roomState } = useOpenDocument();
  const { people, isFollowed, toggleFollow, jump } = usePeople();
  const members = useMembers(workspace.id);
  const present = new Set(roomState.participants.map(({ device }) => device));
  const away = members.filter(({ self, device }) => !self && !present.has(device));
  const others = people.filter(({ self }) => !self);
  const own = people.find(({ self }) => self);
  const nameOf = (id: string) => people.find((one) => one.id === id);
  const detailsOf = (person: PersonHere) => {
    const { devices, clients } = person;
    const followsUs = own !== undefined && person.following === own.id;
    return [
      stateText(person),
      devices.length > 0 ? strings.onDevice(devices.join(", ")) : "",
      clients.length > 1 ? strings.windows(clients.length) : "",
      whereText(person),
      isFollowed(person) ? strings.following : "",
      followsUs ? strings.followsYou : "",
      !followsUs && person.following && nameOf(person.following) ? strings.followingWho(nameOf(person.following)?.name ?? "") : "",
    ].filter(Boolean);
  };
  return (
    <div className={css.panel}>
      <h2 className={css.title}>{strings.here(people.length)}</h2>
      <ul aria-label={strings.panel.here}>
        {people.map((person) => (
          <li key={person.id} className={css.person} data-person={person.id} data-status={person.status}>
            <Avatar name={person.name} color={person.color} status={person.status} size={32} />
            <div className={css.about}>
              <p className={css.name}>
                <strong>{person.name}</strong>
                {person.self && <span>{strings.you}</span>}
              </p>
              <p className={css.details}>{detailsOf(person).join(" · ")}</p>
            </div>
            {!person.self && person.clients.length > 0 && (
              <>
                <IconButton
                  small
                  label={isFollowed(person) ? `${strings.unfollow}: ${person.name}` : `${strings.follow}: ${person.name}`}
                  aria-pressed={isFollowed(person)}
                  onClick={() => toggleFollow(person)}
                >
                  {isFollowed(person) ? <EyeOff /> : <Eye />}
                </IconButton>
                <IconButton small label={`${strings.jump}: ${person.name}`} onClick={() => jump(person)}>
                  <Crosshair />
                </IconButton>
              </>
            )}
          </li>
        ))}
      </ul>
      {others.length === 0 && (
        <Empty icon={<Users />} title={strings.panel.onlyYou}>
          <p>{strings.panel.onlyYouHint}</p>
        </Empty>
      )}
      {away.length > 0 && (
        <>
          <h2 className={css.title}>{strings.panel.notHere}</h2>
          <ul aria-label={strings.panel.notHere}>
            {away.map(({ device, name, role }) => (
              <li key={device} className={css.person} data-device={device}>
                <Avatar name={name || device} color={colorFor(device)} size={32} />
                <div className={css.about}>
                  <p className={css.name}>
                    <strong>{name || device.slice(0, 8)}</strong>
                  </p>
                  <p className={css.details}>{strings.panel.role[role] ?? role}</p>
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
