import { DropdownMenu } from "radix-ui";
import type { CSSProperties, ReactNode } from "react";

import css from "./kit.module.css";

interface MenuAtProps {
  /** In the window; null: it is closed. */
  at: { x: number; y: number } | null;
  label: string;
  onClose: () => void;
  /** What gets the focus when it closes. */
  returnTo: () => HTMLElement | null;
  children: ReactNode;
}

/** A menu where somebody pointed: of MenuItems, as those of a button. */
export function MenuAt({ at, label, onClose, returnTo, children }: MenuAtProps) {
  const style: CSSProperties = { position: "fixed", left: at?.x ?? 0, top: at?.y ?? 0 };
  return (
    <DropdownMenu.Root open={at !== null} onOpenChange={(open) => !open && onClose()} modal={false}>
      <DropdownMenu.Trigger asChild>
        <span style={style} aria-hidden="true" tabIndex={-1} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className={css.menu}
          aria-label={label}
          aria-labelledby={undefined}
          align="start"
          sideOffset={2}
          collisionPadding={8}
          loop
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            // A dialog that an item opened keeps it.
            if (!document.querySelector("[role=dialog]")) returnTo()?.focus();
          }}
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
