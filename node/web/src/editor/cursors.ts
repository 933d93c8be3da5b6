// Remote cursors: colours and name flags for the decorations that y-monaco makes.
//
// y-monaco marks a selection with the classes yRemoteSelection-ID and its end with
// yRemoteSelectionHead-ID, where ID is the Yjs client id; what they look like is up to us.

import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

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
      // Who types at the end of a line stays at the same place of it: they say that they type.
      const selection = JSON.stringify([state["selection"] ?? null, state["typing"] === true && Date.now()]);
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

/** Where the cursor of a client is in `text`, in UTF-16 units; null if it has none there. */
export function cursorOf(
  { awareness, doc, text }: { awareness: Awareness; doc: Y.Doc; text: Y.Text },
  clientId: number,
): number | null {
  const head: unknown = awareness.getStates().get(clientId)?.["selection"]?.head;
  if (!isRelativePosition(head)) return null;
  const position = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(head), doc);
  return position?.type === text ? position.index : null;
}

interface Change {
  added: number[];
  updated: number[];
  removed: number[];
}

/**
 * What of `awareness` y-monaco uses, made safe for it. Selections that are not positions are left
 * out: y-monaco trusts them, and one browser's nonsense must not stop everybody's cursors. Changes
 * of our own state are not reported: y-monaco redraws the others' cursors on each report, redrawing
 * can move our own, and Monaco throws when that makes y-monaco redraw again.
 */
export function forBinding(awareness: Awareness): Awareness {
  const wrapped = new Map<(change: Change) => void, (change: Change) => void>();
  const adapter = {
    getStates: () =>
      new Map(
        Array.from(awareness.getStates()).filter(([, { selection }]) => {
          if (selection == null) return true;
          return isRelativePosition(selection.anchor) && isRelativePosition(selection.head);
        }),
      ),
    setLocalStateField: (field: string, value: unknown) => awareness.setLocalStateField(field, value),
    on: (_event: "change", listener: (change: Change) => void) => {
      if (wrapped.has(listener)) return;
      const wrapper = (change: Change) => {
        const clients = [...change.added, ...change.updated, ...change.removed];
        if (clients.some((id) => id !== awareness.clientID)) listener(change);
      };
      wrapped.set(listener, wrapper);
      awareness.on("change", wrapper);
    },
    off: (_event: "change", listener: (change: Change) => void) => {
      const wrapper = wrapped.get(listener);
      if (wrapper) awareness.off("change", wrapper);
      wrapped.delete(listener);
    },
  };
  return adapter as unknown as Awareness;
}
