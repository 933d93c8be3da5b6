import { Tabs as RadixTabs } from "radix-ui";
import type { ReactNode } from "react";

import { countText } from "./count";
import css from "./kit.module.css";

interface TabsProps<Name extends string> {
  label: string;
  value: Name;
  onValue: (name: Name) => void;
  tabs: { name: Name; title: string; count?: number }[];
  /** At the end of their row; no part of the list, in which only tabs may be. */
  more?: ReactNode;
  className?: string | undefined;
  /** The open one's content, within <TabContent>. */
  children: ReactNode;
}

export function Tabs<Name extends string>({ label, value, onValue, tabs, more, className, children }: TabsProps<Name>) {
  return (
    <RadixTabs.Root value={value} onValueChange={(name) => onValue(name as Name)} className={className}>
      <div className={css.tabs}>
        <RadixTabs.List className={css.tabList} aria-label={label}>
          {tabs.map(({ name, title, count = 0 }) => (
            <RadixTabs.Trigger key={name} value={name} className={css.tab}>
              {title}
              {count > 0 && <span className={css.count}>{countText(count)}</span>}
            </RadixTabs.Trigger>
          ))}
        </RadixTabs.List>
        {more}
      </div>
      {children}
    </RadixTabs.Root>
  );
}

export const TabContent = RadixTabs.Content;
