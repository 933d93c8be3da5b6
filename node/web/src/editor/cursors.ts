// Remote cursors: colours and name flags for the decorations that y-monaco makes.
//
// y-monaco marks a selection with the classes yRemoteSelection-ID and its end with
// yRemoteSelectionHead-ID, where ID is the Yjs client id; what they look like is up to us.

import type { Awareness } from "y-protocols/awareness";

import { personFrom } from "../person";

/** How long a name stays beside a cursor that has stopped moving; later, pointing at it shows it. */
const flagShownMs = 4000;

const cssString = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** Keeps a style sheet in step with `awareness`. Returns what undoes it. */
export function styleCursors(awareness: Awareness): () => void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  const movedAt = new Map<number, number>();
  const selections = new Map<number, string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const render = () => {
    const now = Date.now();
    const rules: string[] = [];
    let nextChange = Infinity;
    for (const [id, state] of awareness.getStates()) {
      if (id === awareness.clientID) continue;
      const { name, color } = personFrom(state["user"], id);
      const hideAt = (movedAt.get(id) ?? 0) + flagShownMs;
      const flag = hideAt > now ? "1" : "0";
      if (hideAt > now) nextChange = Math.min(nextChange, hideAt);
      rules.push(
        `.yRemoteSelection-${id}, .yRemoteSelectionHead-${id} { --person: ${color}; }`,
        `.yRemoteSelectionHead-${id} { --flag: ${flag}; }`,
        `.yRemoteSelectionHead-${id}::after { content: ${cssString(name)}; }`,
      );
    }
    sheet.replaceSync(rules.join("\n"));
    clearTimeout(timer);
    if (nextChange < Infinity) timer = setTimeout(render, nextChange - now + 10);
  };

  const onChange = () => {
    const states = awareness.getStates();
    for (const [id, state] of states) {
      const selection = JSON.stringify(state["selection"] ?? null);
      if (selections.get(id) !== selection) movedAt.set(id, Date.now());
      selections.set(id, selection);
    }
    for (const id of Array.from(selections.keys())) {
      if (states.has(id)) continue;
      selections.delete(id);
      movedAt.delete(id);
    }
    render();
  };
  awareness.on("change", onChange);
  onChange();

  return () => {
    awareness.off("change", onChange);
    clearTimeout(timer);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
  };
}

const isId = (value: unknown) => {
  const { client, clock } = (value ?? {}) as { client?: unknown; clock?: unknown };
  return Number.isSafeInteger(client) && Number.isSafeInteger(clock);
};

/** True if `value` has the shape of Y.RelativePosition in JSON, so that Yjs can look it up. */
export function isRelativePosition(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { type, tname, item } = value as { type?: unknown; tname?: unknown; item?: unknown };
  const textual = tname == null || typeof tname === "string";
  return textual && [type, item].every((id) => id == null || isId(id));
}

/**
 * `awareness` without selections that are not positions: what others send is shown by y-monaco,
 * which trusts it, and one browser's nonsense must not stop everybody's cursors.
 */
export function withSoundSelections(awareness: Awareness): Awareness {
  const getStates = () =>
    new Map(
      Array.from(awareness.getStates()).filter(([, { selection }]) => {
        if (selection == null) return true;
        return isRelativePosition(selection.anchor) && isRelativePosition(selection.head);
      }),
    );
  return new Proxy(awareness, {
    get: (target, key) => {
      if (key === "getStates") return getStates;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
