// Which rows of a list are chosen, as file managers do it.

export interface Selection {
  keys: ReadonlySet<string>;
  /** Where a range begins. */
  anchor: string | null;
}

export const nothing: Selection = { keys: new Set(), anchor: null };

export const only = (key: string): Selection => ({ keys: new Set([key]), anchor: key });

export function toggled({ keys }: Selection, key: string): Selection {
  const next = new Set(keys);
  if (!next.delete(key)) next.add(key);
  return { keys: next, anchor: key };
}

/** All from the anchor to `key`, in the order that is shown. */
export function extended({ anchor }: Selection, key: string, order: readonly string[]): Selection {
  const from = anchor === null ? -1 : order.indexOf(anchor);
  const to = order.indexOf(key);
  if (from < 0 || to < 0) return only(key);
  return { keys: new Set(order.slice(Math.min(from, to), Math.max(from, to) + 1)), anchor };
}

/** Without what is not shown any more. */
export function kept(selection: Selection, order: readonly string[]): Selection {
  const shown = new Set(order);
  if ([...selection.keys].every((key) => shown.has(key))) return selection;
  const keys = new Set([...selection.keys].filter((key) => shown.has(key)));
  return { keys, anchor: selection.anchor !== null && shown.has(selection.anchor) ? selection.anchor : null };
}
