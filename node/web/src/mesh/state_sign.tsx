import { CircleAlert, CircleCheck, CircleDashed, CircleX } from "lucide-react";

import type { Tone } from "../ui/kit";
import css from "./mesh.module.css";

const signs = { good: CircleCheck, busy: CircleAlert, bad: CircleX, idle: CircleDashed };

/** A tone as a form and a colour: beside words that say it. */
export function StateSign({ tone, size }: { tone: Tone; size: number }) {
  const Sign = signs[tone];
  return <Sign className={css.stateSign} data-tone={tone} size={size} aria-hidden="true" />;
}
