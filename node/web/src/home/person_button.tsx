import { type CSSProperties, useState } from "react";

import { cleanName, colors, nameCharactersMax, type Person } from "../person";
import { home as words } from "../strings/home";
import { Avatar, Popover, TextField } from "../ui/kit";
import css from "./side.module.css";

interface PersonButtonProps {
  person: Person;
  onPerson: (person: Person) => void;
  /** Only the face. */
  compact?: boolean;
}

/** How others see you, and the form to change it. */
export function PersonButton({ person, onPerson, compact = false }: PersonButtonProps) {
  const [name, setName] = useState<string | null>(null);
  return (
    <Popover
      label={words.profile}
      align={compact ? "end" : "start"}
      onOpen={() => setName(null)}
      button={
        <button type="button" className={compact ? css.face : css.person} title={compact ? person.name : undefined}>
          <span className="visually-hidden">{words.profile}</span>
          <Avatar name={person.name} color={person.color} size={compact ? 28 : 26} />
          {!compact && (
            <>
              <span className={css.personName}>{person.name}</span>
              <span className={css.quiet}>{words.you}</span>
            </>
          )}
        </button>
      }
    >
      <div className={css.profile}>
        <TextField
          label={words.yourName}
          value={name ?? person.name}
          maxLength={nameCharactersMax}
          onChange={({ target }) => {
            setName(target.value);
            const cleaned = cleanName(target.value);
            if (cleaned) onPerson({ ...person, name: cleaned });
          }}
        />
        <fieldset className={css.colours}>
          <legend>{words.yourColour}</legend>
          {colors.map((color, index) => (
            <input
              key={color}
              type="radio"
              name="colour"
              aria-label={words.colour(index + 1)}
              style={{ "--colour": color } as CSSProperties}
              checked={color === person.color}
              onChange={() => onPerson({ ...person, color })}
            />
          ))}
        </fieldset>
        <p className={css.quiet}>{words.profileAbout}</p>
      </div>
    </Popover>
  );
}
