// Who wrote which characters, kept in step with a text that changes meanwhile.

export interface Range<Of> {
  from: number;
  to: number;
  by: Of;
}

/** As Y.YTextEvent.delta has it. */
export interface Step {
  retain?: number;
  insert?: unknown;
  delete?: number;
}

const lengthOf = (inserted: unknown) => (typeof inserted === "string" ? inserted.length : 1);

/** `ranges`, ascending, after an edit. What it inserted is `by`'s; null: nobody's yet. */
export function shift<Of>(ranges: readonly Range<Of>[], delta: readonly Step[], by: Of | null): Range<Of>[] {
  const out: Range<Of>[] = [];
  const add = (from: number, to: number, whose: Of) => {
    if (from >= to) return;
    const last = out.at(-1);
    if (last && last.to === from && last.by === whose) last.to = to;
    else out.push({ from, to, by: whose });
  };
  let next = 0; // Of `ranges`, the first that was not gone past.
  let at = 0; // In the old text,
  let moved = 0; // and how much farther the same place is in the new one.
  const pass = (until: number, keep: boolean) => {
    for (; next < ranges.length; next++) {
      const range = ranges[next] as Range<Of>;
      if (range.from >= until) break;
      if (keep) add(Math.max(range.from, at) + moved, Math.min(range.to, until) + moved, range.by);
      if (range.to > until) break;
    }
    at = until;
  };
  for (const step of delta) {
    if (step.retain !== undefined) pass(at + step.retain, true);
    if (step.delete !== undefined) {
      pass(at + step.delete, false);
      moved -= step.delete;
    }
    if (step.insert !== undefined) {
      const length = lengthOf(step.insert);
      if (by !== null) add(at + moved, at + moved + length, by);
      moved += length;
    }
  }
  pass(Infinity, true);
  return out;
}

/** One edit that makes `after` of `before`: what lies between their common beginning and end. */
export function deltaBetween(before: string, after: string): Step[] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const steps: Step[] = [];
  if (start > 0) steps.push({ retain: start });
  const gone = before.length - start - end;
  if (gone > 0) steps.push({ delete: gone });
  const come = after.slice(start, after.length - end);
  if (come) steps.push({ insert: come });
  return steps;
}

/** How many characters each has, most first. */
export function shares<Of>(ranges: readonly Range<Of>[]): { by: Of; characters: number }[] {
  const sums = new Map<Of, number>();
  for (const { from, to, by } of ranges) sums.set(by, (sums.get(by) ?? 0) + to - from);
  return Array.from(sums, ([by, characters]) => ({ by, characters })).sort((a, b) => b.characters - a.characters);
}

/** Whole percents that sum up to 100, as near to the parts as that goes. */
export function percents(parts: readonly number[]): number[] {
  const whole = parts.reduce((sum, one) => sum + one, 0);
  if (whole === 0) return parts.map(() => 0);
  const exact = parts.map((one) => (100 * one) / whole);
  const out = exact.map(Math.floor);
  const rest = 100 - out.reduce((sum, one) => sum + one, 0);
  const byRemainder = exact.map((one, index) => ({ index, left: one - Math.floor(one) })).sort((a, b) => b.left - a.left);
  for (const { index } of byRemainder.slice(0, rest)) out[index] = (out[index] ?? 0) + 1;
  return out;
}
