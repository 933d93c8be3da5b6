import { Fragment } from "react";

import type { Member } from "../api";
import { partsOf } from "./mentions";
import css from "./room.module.css";

/** What somebody wrote, with its links and mentions. */
export function MessageText({ text, members, self }: { text: string; members: readonly Member[]; self: string | null }) {
  return (
    <p className={css.text} dir="auto">
      {partsOf(text, members, self).map((part, at) => {
        if (part.kind === "link") {
          return (
            <a key={at} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
              {part.text}
            </a>
          );
        }
        if (part.kind === "mention") {
          return (
            <span key={at} className={css.mention} data-self={part.self || undefined}>
              {part.text}
            </span>
          );
        }
        return <Fragment key={at}>{part.text}</Fragment>;
      })}
    </p>
  );
}
