import { Tabs as RadixTabs } from "radix-ui";
import type { ReactNode } from "react";

import css from "./kit.module.css";

interface TabsProps<Name extends string> {
  label: string;
  value: Name;
  onValue: (name: Name) => void;
  tabs: { name: Name; title: string; count?: number }[];
  /** Beside the tabs, at their end. */
  more?: ReactNode;
  className?: string | undefined;
  /** The open one's content, within <TabContent>. */
  children: ReactNode;
}

export function Tabs<Name extends string>({ label, value, onValue, tabs, more, className, children }: TabsProps<Name>) {
  return (
    <RadixTabs.Root value={value} onValueChange={(name) => onValue(name as Name)} className={className}>
      <RadixTabs.List className={css.tabs} aria-label={label}>
        {tabs.map(({ name, title, count = 0 }) => (
          <RadixTabs.Trigger key={name} value={name} className={css.tab}>
            {title}
            {count > 0 && <span className={css.count}>{count > 99 ? "99+" : count}</span>}
          </RadixTabs.Trigger>
        ))}
        {more}
      </RadixTabs.List>
      {children}
    </RadixTabs.Root>
  );
}

export const TabContent = RadixTabs.Content;
