import { useState } from "react";

import { cleanName, colors, nameCharactersMax, type Person } from "../person";
import { Avatar } from "./people";

/** How others see you, and the form to change it. */
export function ProfileButton(props: { person: Person; onChange: (person: Person) => void }) {
  const { person, onChange } = props;
  const [name, setName] = useState(person.name);
  return (
    <>
      <button type="button" className="profile" popoverTarget="profile" title="Your name and colour">
        <Avatar name={person.name} color={person.color} />
        <span className="profile-name">{person.name}</span>
        <span className="quiet">you</span>
      </button>
      <form
        id="profile"
        popover="auto"
        className="profile-form"
        onSubmit={(event) => {
          event.preventDefault();
          event.currentTarget.hidePopover();
        }}
        onToggle={(event) => event.newState === "closed" && setName(person.name)}
      >
        <label>
          Your name
          <input
            value={name}
            maxLength={nameCharactersMax}
            autoComplete="off"
            onChange={(event) => {
              setName(event.target.value);
              const cleaned = cleanName(event.target.value);
              if (cleaned) onChange({ ...person, name: cleaned });
            }}
          />
        </label>
        <fieldset>
          <legend>Your colour</legend>
          {colors.map((color, index) => (
            <input
              key={color}
              type="radio"
              name="color"
              aria-label={`Colour ${index + 1}`}
              style={{ background: color }}
              checked={color === person.color}
              onChange={() => onChange({ ...person, color })}
            />
          ))}
        </fieldset>
        <p className="quiet">Shown to people in the same document. Kept in this browser.</p>
      </form>
    </>
  );
}
