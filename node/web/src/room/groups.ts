// Messages in a row as they are shown: by day, and by who wrote several one after another.

import type { Message } from "../events";
import { sameAuthor } from "./state";

/** Later than this after the one before, a message has its time and author again. */
const togetherForMs = 5 * 60_000;

export interface MessageGroup {
  messages: Message[];
}

export interface MessageDay {
  /** Midnight, here, in milliseconds since 1970. */
  day: number;
  groups: MessageGroup[];
}

const midnight = (time: number) => new Date(time).setHours(0, 0, 0, 0);

/** `unreadSince`: a group does not reach over the line that is drawn before the message of that moment. */
export function groupMessages(messages: readonly Message[], unreadSince: string | null): MessageDay[] {
  const days: MessageDay[] = [];
  let last: Message | undefined;
  for (const message of messages) {
    const day = midnight(message.time);
    let current = days.at(-1);
    if (current?.day !== day) {
      current = { day, groups: [] };
      days.push(current);
      last = undefined;
    }
    const group = current.groups.at(-1);
    const continues =
      last !== undefined &&
      sameAuthor(last.author, message.author) &&
      message.time - last.time < togetherForMs &&
      message.moment !== unreadSince &&
      !message.reply;
    if (group && continues) group.messages.push(message);
    else current.groups.push({ messages: [message] });
    last = message;
  }
  return days;
}

const inWords = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "Today", "Yesterday", "Monday, November 16". */
export function dayTitle(day: number, now = Date.now()): string {
  const days = Math.round((midnight(now) - day) / 86_400_000);
  if (days >= 0 && days < 2) {
    const word = inWords.format(-days, "day");
    return word.charAt(0).toUpperCase() + word.slice(1);
  }
  const thisYear = new Date(day).getFullYear() === new Date(now).getFullYear();
  const year = thisYear ? {} : { year: "numeric" as const };
  return new Date(day).toLocaleDateString("en", { weekday: "long", month: "long", day: "numeric", ...year });
}
