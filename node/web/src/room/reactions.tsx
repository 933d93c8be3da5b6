import { SmilePlus } from "lucide-react";
import { type FormEvent, useState } from "react";

import type { Message } from "../events";
import { strings } from "../strings/room";
import { Button, IconButton, inputClass, Popover, Tip } from "../ui/kit";
import { nameOf } from "./authors";
import { emojis, oneEmoji } from "./emoji";
import css from "./room.module.css";
import { type RoomState, sameAuthor } from "./state";

interface ReactionsProps {
  message: Message;
  state: RoomState;
  disabled: boolean;
  onReact: (emoji: string, on: boolean) => void;
}

const given = (message: Message, emoji: string, state: RoomState) =>
  message.reactions.some((one) => one.emoji === emoji && one.by.some((author) => sameAuthor(author, state.self)));

/** Those that were given; pressing one gives or takes back one's own. */
export function Reactions({ message, state, disabled, onReact }: ReactionsProps) {
  if (message.reactions.length === 0) return null;
  return (
    <div className={css.reactions}>
      {message.reactions.map(({ emoji, by }) => {
        const own = given(message, emoji, state);
        const names = by.map((author) => nameOf(author, state)).join(", ");
        return (
          <Tip key={emoji} text={strings.reactions.by(emoji, names)}>
            <button
              type="button"
              className={css.reaction}
              aria-pressed={own}
              aria-label={strings.reactions.by(emoji, names)}
              aria-disabled={disabled || undefined}
              onClick={() => !disabled && onReact(emoji, !own)}
            >
              <span aria-hidden="true">{emoji}</span>
              <span aria-hidden="true">{by.length}</span>
            </button>
          </Tip>
        );
      })}
    </div>
  );
}

/** The button that gives another. */
export function ReactionPicker({ message, state, onReact }: Omit<ReactionsProps, "disabled">) {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState(false);
  const choose = (emoji: string) => {
    setOpen(false);
    setTyped("");
    onReact(emoji, !given(message, emoji, state));
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const emoji = oneEmoji(typed);
    setProblem(emoji === null);
    if (emoji !== null) choose(emoji);
  };
  return (
    <Popover
      label={strings.reactions.pick}
      open={open}
      onOpen={setOpen}
      button={
        <IconButton label={strings.reactions.pick} small>
          <SmilePlus />
        </IconButton>
      }
    >
      <div className={css.emojis}>
        {emojis.map((emoji) => (
          <button
            key={emoji}
            type="button"
            className={css.emoji}
            aria-label={emoji}
            aria-pressed={given(message, emoji, state)}
            onClick={() => choose(emoji)}
          >
            {emoji}
          </button>
        ))}
      </div>
      <form className={css.emojiForm} onSubmit={onSubmit}>
        <input
          className={inputClass}
          aria-label={strings.reactions.own}
          placeholder={strings.reactions.own}
          aria-invalid={problem || undefined}
          autoComplete="off"
          value={typed}
          onChange={(event) => (setTyped(event.target.value), setProblem(false))}
        />
        <Button type="submit" disabled={typed.trim() === ""}>
          {strings.reactions.add}
        </Button>
      </form>
      {problem && (
        <p className={css.problem} role="alert">
          {strings.reactions.notEmoji}
        </p>
      )}
    </Popover>
  );
}
