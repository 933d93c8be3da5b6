import { type ButtonHTMLAttributes, forwardRef, type ReactNode } from "react";

import { countText } from "./count";
import css from "./kit.module.css";
import { Tip } from "./tooltip";

export type ButtonLook = "primary" | "secondary" | "quiet" | "danger";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: ButtonLook;
  small?: boolean;
}

const classes = (...names: (string | false | undefined)[]) => names.filter(Boolean).join(" ");

export const Button = forwardRef<HTMLButtonElement, ButtonProps>(function Button(
  { look = "secondary", small, className, ...rest },
  ref,
) {
  return <button ref={ref} type="button" {...rest} className={classes(css.button, css[look], small && css.small, className)} />;
});

interface IconButtonProps extends Omit<ButtonProps, "children"> {
  /** What it does: its accessible name, and its tooltip. */
  label: string;
  /** Its shortcut, for the tooltip. */
  keys?: string;
  /** How many things wait behind it; said, too. */
  count?: number;
  children: ReactNode;
}

export const IconButton = forwardRef<HTMLButtonElement, IconButtonProps>(function IconButton(
  { label, keys, count = 0, look = "quiet", small, className, children, ...rest },
  ref,
) {
  return (
    <Tip text={label} keys={keys}>
      <button
        ref={ref}
        type="button"
        aria-label={count > 0 ? `${label}, ${countText(count)}` : label}
        {...rest}
        className={classes(css.button, css.icon, css[look], small && css.small, className)}
      >
        {children}
        {count > 0 && (
          <span className={css.count} aria-hidden="true">
            {countText(count)}
          </span>
        )}
      </button>
    </Tip>
  );
});
