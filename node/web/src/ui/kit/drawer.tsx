import { Dialog as RadixDialog } from "radix-ui";
import type { ReactNode } from "react";

import css from "./kit.module.css";
import { useFocusReturn } from "./overlays";

/** What stands beside the page on wide windows, over it from the side on phones. */
export function Drawer(props: { open: boolean; onOpen: (open: boolean) => void; label: string; children: ReactNode }) {
  const onCloseAutoFocus = useFocusReturn(props.open);
  return (
    <RadixDialog.Root open={props.open} onOpenChange={props.onOpen}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className={css.overlay} />
        <RadixDialog.Content className={css.drawer} onCloseAutoFocus={onCloseAutoFocus} aria-describedby={undefined}>
          <RadixDialog.Title className="visually-hidden">{props.label}</RadixDialog.Title>
          {props.children}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}
