// Others' cursors: who they are, and their names beside them for a while after they move.

import { CollaborationCaret } from "@tiptap/extension-collaboration-caret";
import type { Awareness } from "y-protocols/awareness";

import { isRelativePosition } from "../editor/positions";
import { personFrom } from "../person";
import { textOn } from "./colors";

/** How long a name stays beside a cursor that has stopped moving; later, pointing at it shows it. */
const flagShownMs = 4000;

interface Change {
  added: number[];
  updated: number[];
  removed: number[];
}
type Listener = (change: Change, origin: unknown) => void;

export const hasCursor = (state: Record<string, unknown> | undefined): boolean => {
  const cursor = state?.["cursor"] as { anchor?: unknown; head?: unknown } | null | undefined;
  return Boolean(cursor) && isRelativePosition(cursor?.anchor) && isRelativePosition(cursor?.head);
};

/**
 * What of `awareness` the carets use, made safe for them: positions that are none would stop the cursors
 * of everybody, names and colours go into a style sheet. Our own movements are not reported, as each
 * report has all cursors drawn anew; and who we are is the session's to say.
 */
export function forCarets(awareness: Awareness) {
  const wrapped = new Map<Listener, Listener>();
  const states = () => {
    const all = new Map<number, Record<string, unknown>>();
    for (const [id, state] of awareness.getStates()) {
      if (id !== awareness.clientID && !hasCursor(state)) continue;
      all.set(id, { ...state, user: { ...personFrom(state["user"], id), clientId: id } });
    }
    return all;
  };
  return {
    clientID: awareness.clientID,
    getStates: states,
    get states() {
      return states();
    },
    getLocalState: () => awareness.getLocalState(),
    setLocalStateField: (field: string, value: unknown) => {
      if (field === "cursor") awareness.setLocalStateField(field, value);
    },
    on: (event: "change" | "update", listener: Listener) => {
      const wrapper: Listener = (change, origin) => {
        const clients = [...change.added, ...change.updated, ...change.removed];
        if (clients.some((id) => id !== awareness.clientID)) listener(change, origin);
      };
      wrapped.set(listener, wrapper);
      awareness.on(event, wrapper);
    },
    off: (event: "change" | "update", listener: Listener) => {
      const wrapper = wrapped.get(listener);
      if (wrapper) awareness.off(event, wrapper);
      wrapped.delete(listener);
    },
  };
}

const idOf = (user: Record<string, unknown>) => String(user["clientId"]);

export const carets = (awareness: Awareness) =>
  CollaborationCaret.configure({
    provider: { awareness: forCarets(awareness) },
    user: {},
    render: (user) => {
      const caret = document.createElement("span");
      caret.className = "caret";
      caret.dataset["caret"] = idOf(user);
      const flag = document.createElement("span");
      flag.className = "caret-flag";
      // Decoration, not text: it must not be read out in the middle of a word.
      flag.ariaHidden = "true";
      // Without these, browsers put the own caret on the wrong side of it.
      caret.append("\u2060", flag, "\u2060");
      return caret;
    },
    selectionRender: (user) => ({ class: "caret-selection", "data-caret": idOf(user) }),
  });

const cssString = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** Keeps colours and names of the cursors in step with `awareness`. Returns what undoes it. */
export function styleCarets(awareness: Awareness): () => void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  const moved = new Map<number, { cursor: string; at: number }>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const render = () => {
    const now = Date.now();
    let nextChange = Infinity;
    const rules = Array.from(awareness.getStates(), ([id, state]) => {
      if (id === awareness.clientID) return "";
      const { name, color } = personFrom(state["user"], id);
      const hideAt = (moved.get(id)?.at ?? 0) + flagShownMs;
      if (hideAt > now) nextChange = Math.min(nextChange, hideAt);
      return `[data-caret="${id}"] { --person: ${color}; --on-person: ${textOn(color)}; --flag: ${hideAt > now ? 1 : 0}; --name: ${cssString(name)}; }`;
    });
    sheet.replaceSync(rules.join("\n"));
    clearTimeout(timer);
    if (nextChange < Infinity) timer = setTimeout(render, nextChange - now + 10);
  };

  const onChange = () => {
    const states = awareness.getStates();
    for (const [id, state] of states) {
      const cursor = JSON.stringify(state["cursor"] ?? null);
      if (moved.get(id)?.cursor !== cursor) moved.set(id, { cursor, at: Date.now() });
    }
    for (const id of Array.from(moved.keys())) if (!states.has(id)) moved.delete(id);
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
