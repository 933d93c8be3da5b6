import { SendHorizontal } from "lucide-react";
import { type FormEvent, type KeyboardEvent, type ReactNode, type Ref, useEffect, useId, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState } from "react";

import type { Member } from "../api";
import { Typing } from "../activity";
import type { Limits } from "../events";
import { strings } from "../strings/room";
import { Button, IconButton } from "../ui/kit";
import { completeAt, completions } from "./mentions";
import { problemText } from "./problems";
import css from "./room.module.css";

export interface ComposerHandle {
  focus(): void;
}

interface ComposerProps {
  /** Its accessible name. */
  label: string;
  placeholder: string;
  members: readonly Member[];
  limits: Limits;
  initial?: string;
  /** Called as it changes: what is not sent yet may be kept. */
  onText?: (text: string) => void;
  onTyping?: (typing: boolean) => void;
  /** Rejects when it could not be sent: it stays, with the reason. */
  onSend: (text: string) => Promise<void>;
  /** Esc, and a button. */
  onCancel?: (() => void) | undefined;
  /** The key "up", while nothing is written. */
  onUp?: () => void;
  /** Words on the button; without them it has an icon. */
  sendLabel?: string;
  /** It may be sent without words. */
  mayBeEmpty?: boolean;
  /** Sending makes no sense now, whatever is written. */
  blocked?: boolean;
  autoFocus?: boolean;
  /** What it is about, above it. */
  about?: ReactNode;
  ref?: Ref<ComposerHandle>;
}

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** Where one writes a message: mentions are completed, Enter sends. */
export function Composer(props: ComposerProps) {
  const { label, placeholder, members, limits, onSend, onCancel, onTyping, onText, mayBeEmpty = false, blocked = false } = props;
  const [text, setText] = useState(props.initial ?? "");
  const [caret, setCaret] = useState(text.length);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [chosen, setChosen] = useState(0);
  /** The text in which completions were turned down. */
  const [refused, setRefused] = useState<string | null>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const id = useId();

  const tell = useRef(onTyping);
  tell.current = onTyping;
  const typing = useMemo(() => new Typing((now) => tell.current?.(now)), []);
  useEffect(() => () => typing.stop(), [typing]);
  useImperativeHandle(props.ref, () => ({ focus: () => input.current?.focus() }), []);

  const { autoFocus = false } = props;
  useEffect(() => {
    const element = input.current;
    if (!autoFocus || !element) return;
    element.focus({ preventScroll: true });
    element.setSelectionRange(element.value.length, element.value.length);
  }, [autoFocus]);

  // As high as what is written, up to what the style allows.
  useLayoutEffect(() => {
    const element = input.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [text]);

  const change = (next: string) => {
    setText(next);
    onText?.(next);
    setProblem("");
    setRefused(null);
  };
  const names = useMemo(() => Array.from(new Set(members.map(({ name }) => name).filter(Boolean))), [members]);
  const offered = refused === text ? [] : completions(text.slice(0, caret), names);
  const current = offered.length > 0 ? offered[chosen % offered.length] : undefined;

  const take = (name: string) => {
    const next = completeAt(text, caret, name);
    change(next.text);
    setCaret(next.caret);
    setChosen(0);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.caret, next.caret);
    });
  };

  const over = bytesOf(text) - limits.message_bytes;
  const empty = text.trim() === "" && !mayBeEmpty;
  const send = async () => {
    if (busy || over > 0 || empty || blocked) return;
    typing.stop();
    setBusy(true);
    setProblem("");
    try {
      await onSend(text.trim());
      change("");
    } catch (error) {
      setProblem(problemText(error, limits));
    }
    setBusy(false);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (current !== undefined && ["ArrowDown", "ArrowUp", "Tab", "Enter", "Escape"].includes(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "ArrowDown") setChosen((chosen + 1) % offered.length);
      else if (event.key === "ArrowUp") setChosen((chosen + offered.length - 1) % offered.length);
      else if (event.key === "Escape") setRefused(text);
      else take(current);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape" && onCancel) {
      event.preventDefault();
      event.stopPropagation();
      onCancel();
    } else if (event.key === "ArrowUp" && text === "" && props.onUp) {
      event.preventDefault();
      props.onUp();
    }
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void send();
  };

  const said = over > 0 ? strings.errors.tooLong(over) : problem;
  const { sendLabel } = props;
  return (
    <form className={css.composer} onSubmit={onSubmit}>
      {props.about}
      <div className={css.composerBox}>
        {current !== undefined && (
          <ul className={css.offered} id={`${id}-names`} role="listbox" aria-label={strings.mentions.label}>
            {offered.map((name, at) => (
              <li
                key={name}
                id={`${id}-${at}`}
                role="option"
                aria-selected={name === current}
                onPointerDown={(event) => event.preventDefault()}
                onClick={() => take(name)}
              >
                {name}
              </li>
            ))}
          </ul>
        )}
        <textarea
          ref={input}
          rows={1}
          className={css.composerInput}
          dir="auto"
          aria-label={label}
          placeholder={placeholder}
          aria-autocomplete="list"
          aria-controls={current === undefined ? undefined : `${id}-names`}
          aria-activedescendant={current === undefined ? undefined : `${id}-${chosen % offered.length}`}
          aria-invalid={over > 0 || undefined}
          aria-describedby={said ? `${id}-problem` : undefined}
          readOnly={busy}
          value={text}
          onChange={(event) => {
            change(event.target.value);
            setCaret(event.target.selectionStart);
            setChosen(0);
            typing.pressed();
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
          onKeyDown={onKeyDown}
          onBlur={() => typing.stop()}
        />
        {sendLabel === undefined && (
          <IconButton
            className={css.send}
            type="submit"
            look="primary"
            small
            label={busy ? strings.chat.sending : strings.chat.send}
            keys="Enter"
            disabled={busy || empty || over > 0 || blocked}
          >
            <SendHorizontal />
          </IconButton>
        )}
      </div>
      <span className="visually-hidden" role="status">
        {current === undefined ? "" : strings.mentions.offered(offered.length)}
      </span>
      {said && (
        <p id={`${id}-problem`} className={css.problem} role="alert">
          {said}
        </p>
      )}
      {sendLabel !== undefined && (
        <div className={css.composerFoot}>
          {onCancel && (
            <Button small look="quiet" onClick={onCancel}>
              {strings.message.cancel}
            </Button>
          )}
          <Button small look="primary" type="submit" disabled={busy || empty || over > 0 || blocked}>
            {busy ? strings.chat.sending : sendLabel}
          </Button>
        </div>
      )}
    </form>
  );
}
