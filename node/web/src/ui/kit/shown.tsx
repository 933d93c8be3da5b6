import { CircleAlert, Info } from "lucide-react";
import { type CSSProperties, type ReactNode, useSyncExternalStore } from "react";

import { initials } from "../../person";
import { kit } from "../../strings/kit";
import css from "./kit.module.css";

export type Tone = "good" | "busy" | "bad" | "idle";

export const Dot = ({ tone }: { tone: Tone }) => <span className={css.dot} data-tone={tone} aria-hidden="true" />;

interface AvatarProps {
  name: string;
  color: string;
  status?: "active" | "idle" | "away";
  size?: number;
}

/** Decoration: who shows it says the name, too. So the initials are no text, which would be part of a button's name. */
export function Avatar({ name, color, status, size = 28 }: AvatarProps) {
  const style = { "--size": `${size}px`, background: color } as CSSProperties;
  return (
    <span className={css.avatar} style={style} data-initials={initials(name)} aria-hidden="true">
      {status && <span className={css.badge} data-status={status} />}
    </span>
  );
}

interface EmptyProps {
  icon: ReactNode;
  title: string;
  /** There is nothing else on the page: it is the main part of it. */
  page?: boolean;
  children?: ReactNode;
}

export function Empty({ icon, title, page, children }: EmptyProps) {
  const Title = page ? "h1" : "h2";
  const Frame = page ? "main" : "div";
  return (
    <Frame className={css.empty}>
      {icon}
      <Title>{title}</Title>
      {children}
    </Frame>
  );
}

/** A line across the page about something that goes on. */
export function Notice({ tone = "idle", action, children }: { tone?: Tone; action?: ReactNode; children: ReactNode }) {
  return (
    <div className={css.notice} data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      {tone === "idle" ? <Info aria-hidden="true" /> : <CircleAlert aria-hidden="true" />}
      <div>{children}</div>
      {action}
    </div>
  );
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "3 minutes ago" of milliseconds since 1970. */
export function ago(time: number, now = Date.now()): string {
  const seconds = Math.round((time - now) / 1000);
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return kit.justNow;
}

export const fullTime = (time: number) => new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

const tickMs = 30_000;
const subscribeTick = (listener: () => void) => {
  const timer = setInterval(listener, tickMs);
  return () => clearInterval(timer);
};

/** A time in words, the whole of it on hover; said anew as it passes. */
export function Time({ of }: { of: number }) {
  useSyncExternalStore(subscribeTick, () => Math.floor(Date.now() / tickMs));
  return (
    <time dateTime={new Date(of).toISOString()} title={fullTime(of)}>
      {ago(of)}
    </time>
  );
}
