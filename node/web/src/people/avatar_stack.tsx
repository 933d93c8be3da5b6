// Who else is in the document, in the bar above it.

import { Crosshair, Eye, EyeOff, X } from "lucide-react";

import { people as strings } from "../strings/people";
import { Avatar, Menu, MenuItem, MenuLine, MenuTitle, Tip } from "../ui/kit";
import { type PersonHere, stateText, whereText } from "./here";
import css from "./people.module.css";
import { usePeople } from "./use_people";

const shownMax = 4;

export function AvatarStack() {
  const { people, isFollowed, toggleFollow, jump } = usePeople();
  const others = people.filter(({ self }) => !self);
  const shown = others.length > shownMax ? others.slice(0, shownMax - 1) : others;
  const hidden = others.slice(shown.length);
  const followed = others.find(isFollowed);
  const items = (person: PersonHere) => (
    <>
      <MenuTitle>
        {person.name} · {stateText(person)}
        {whereText(person) && <span className={css.where}>{whereText(person)}</span>}
      </MenuTitle>
      <MenuItem icon={isFollowed(person) ? <EyeOff /> : <Eye />} disabled={person.clients.length === 0} onSelect={() => toggleFollow(person)}>
        {isFollowed(person) ? strings.unfollow : strings.follow}
      </MenuItem>
      <MenuItem icon={<Crosshair />} disabled={person.clients.length === 0} onSelect={() => jump(person)}>
        {strings.jump}
      </MenuItem>
    </>
  );
  return (
    <div className={css.stackFrame}>
      {followed && (
        <Tip text={strings.unfollow}>
          <button type="button" className={css.followed} aria-label={`${strings.followingWho(followed.name)}. ${strings.unfollow}`} onClick={() => toggleFollow(followed)}>
            <Eye aria-hidden="true" />
            <span>{strings.followingWho(followed.name)}</span>
            <X aria-hidden="true" />
          </button>
        </Tip>
      )}
      <ul className={css.stack} aria-label={strings.stackLabel} data-testid="people">
        {shown.map((person) => (
          <li key={person.id} data-person={person.id} data-status={person.status} data-typing={person.typing || undefined}>
            <Menu
              align="end"
              button={
                <button type="button" className={css.face} data-typing={person.typing || undefined} data-followed={isFollowed(person) || undefined} title={`${person.name} · ${stateText(person)}`}>
                  <Avatar name={person.name} color={person.color} status={person.status} />
                  <span className="visually-hidden">{strings.menuOf(person.name, stateText(person))}</span>
                </button>
              }
            >
              {items(person)}
            </Menu>
          </li>
        ))}
        {hidden.length > 0 && (
          <li>
            <Menu
              align="end"
              button={
                <button type="button" className={css.face}>
                  <span className={css.rest} aria-hidden="true">
                    +{hidden.length}
                  </span>
                  <span className="visually-hidden">{strings.more(hidden.length)}</span>
                </button>
              }
            >
              {hidden.map((person, at) => (
                <div key={person.id} role="group" aria-label={person.name}>
                  {at > 0 && <MenuLine />}
                  {items(person)}
                </div>
              ))}
            </Menu>
          </li>
        )}
      </ul>
    </div>
  );
}
