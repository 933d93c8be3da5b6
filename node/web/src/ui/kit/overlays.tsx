import { Check, X } from "lucide-react";
import { Dialog as RadixDialog, DropdownMenu, Popover as RadixPopover } from "radix-ui";
import { type ReactElement, type ReactNode, useRef } from "react";

import { kit } from "../../strings/kit";
import { IconButton } from "./buttons";
import css from "./kit.module.css";

interface DialogProps {
  open: boolean;
  onOpen: (open: boolean) => void;
  title: string;
  about?: ReactNode;
  wide?: boolean;
  /** Buttons; the last one is what Enter would do. */
  foot?: ReactNode;
  /** What gets the focus afterwards, where what had it before may be gone: an item of a menu. */
  returnTo?: () => HTMLElement | null;
  children: ReactNode;
}

/** For Radix, which gives the focus back only to a trigger of its own. */
export function useFocusReturn(open: boolean, returnTo?: () => HTMLElement | null) {
  const before = useRef<{ open: boolean; element: Element | null }>({ open: false, element: null });
  // While rendering: a field within takes the focus before any effect could look.
  if (before.current.open !== open) before.current = { open, element: open ? document.activeElement : before.current.element };
  return (event: Event) => {
    event.preventDefault();
    const { element } = before.current;
    const target = element instanceof HTMLElement && element.isConnected && element !== document.body ? element : returnTo?.();
    target?.focus();
  };
}

export function Dialog({ open, onOpen, title, about, wide, foot, returnTo, children }: DialogProps) {
  const onCloseAutoFocus = useFocusReturn(open, returnTo);
  return (
    <RadixDialog.Root open={open} onOpenChange={onOpen}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className={css.overlay} />
        <RadixDialog.Content className={css.dialog} data-wide={wide || undefined} onCloseAutoFocus={onCloseAutoFocus} {...(about ? {} : { "aria-describedby": undefined })}>
          <div className={css.dialogHead}>
            <RadixDialog.Title asChild>
              <h2>{title}</h2>
            </RadixDialog.Title>
          </div>
          {about && <RadixDialog.Description className={css.dialogAbout}>{about}</RadixDialog.Description>}
          <div className={css.dialogBody}>{children}</div>
          {foot && <div className={css.dialogFoot}>{foot}</div>}
          {/* Last, so that the focus begins with what the dialog is for. */}
          <RadixDialog.Close asChild>
            <IconButton className={css.dialogClose} label={kit.close} small>
              <X />
            </IconButton>
          </RadixDialog.Close>
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

interface MenuProps {
  /** The button that opens it. */
  button: ReactElement;
  align?: "start" | "center" | "end";
  side?: "top" | "bottom";
  children: ReactNode;
}

export function Menu({ button, align = "start", side = "bottom", children }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{button}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className={css.menu} align={align} side={side} sideOffset={4} collisionPadding={8} loop>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface MenuItemProps {
  icon?: ReactNode;
  keys?: string;
  danger?: boolean;
  disabled?: boolean;
  /** Given: it is one of a choice, and this says whether it is chosen. */
  checked?: boolean;
  onSelect: () => void;
  children: ReactNode;
}

export function MenuItem({ icon, keys, danger, disabled, checked, onSelect, children }: MenuItemProps) {
  const inside = (
    <>
      {checked !== undefined && <span className={css.menuCheck}>{checked && <Check />}</span>}
      {icon}
      {children}
      {keys && <span className={css.menuKeys}>{keys}</span>}
    </>
  );
  const rest = { className: css.menuItem, "data-danger": danger || undefined, disabled: disabled ?? false, onSelect };
  return checked === undefined ? (
    <DropdownMenu.Item {...rest}>{inside}</DropdownMenu.Item>
  ) : (
    <DropdownMenu.CheckboxItem {...rest} checked={checked}>
      {inside}
    </DropdownMenu.CheckboxItem>
  );
}

export const MenuLine = () => <DropdownMenu.Separator className={css.menuLine} />;
export const MenuTitle = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className={css.menuTitle}>{children}</DropdownMenu.Label>
);

interface PopoverProps {
  button: ReactElement;
  label: string;
  open?: boolean;
  onOpen?: (open: boolean) => void;
  align?: "start" | "center" | "end";
  children: ReactNode;
}

export function Popover({ button, label, open, onOpen, align = "end", children }: PopoverProps) {
  const controlled = { ...(open === undefined ? {} : { open }), ...(onOpen ? { onOpenChange: onOpen } : {}) };
  return (
    <RadixPopover.Root {...controlled}>
      <RadixPopover.Trigger asChild>{button}</RadixPopover.Trigger>
      <RadixPopover.Portal>
        <RadixPopover.Content className={css.popover} aria-label={label} align={align} sideOffset={6} collisionPadding={8}>
          {children}
        </RadixPopover.Content>
      </RadixPopover.Portal>
    </RadixPopover.Root>
  );
}
