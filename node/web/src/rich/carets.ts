// Others' cursors: where they are, who they are, and their names beside them for a while after they move.
// What is told and heard is what stock y-prosemirror and TipTap tell and hear: `cursor` in the awareness.

import { Extension } from "@tiptap/core";
import { type EditorState, Plugin, PluginKey, Selection } from "@tiptap/pm/state";
import { Decoration, DecorationSet, type EditorView } from "@tiptap/pm/view";
import type { Awareness } from "y-protocols/awareness";
import { compareRelativePositions, createRelativePositionFromJSON } from "yjs";

import { isRelativePosition } from "../editor/positions";
import { personFrom } from "../person";
import { textOn } from "./colors";
import { isFromYjs, placeOfCaret, resolvePlace } from "./places";

/** How long a name stays beside a cursor that has stopped moving; later, pointing at it shows it. */
const flagShownMs = 4000;

interface Change {
  added: number[];
  updated: number[];
  removed: number[];
}

interface Range {
  anchor: number;
  head: number;
}

interface Cursor {
  anchor: unknown;
  head: unknown;
}

export const cursorOf = (state: Record<string, unknown> | undefined): Cursor | null => {
  const cursor = state?.["cursor"] as Partial<Cursor> | null | undefined;
  // One that is none would stop the cursors of everybody.
  return cursor && isRelativePosition(cursor.anchor) && isRelativePosition(cursor.head) ? (cursor as Cursor) : null;
};

const caretsKey = new PluginKey<DecorationSet>("carets");

/** Which carets are drawn anew, and where; null: no more. */
type Moves = ReadonlyMap<number, Range | null>;

/** Null: it is nowhere in the text. */
function rangeOf(state: EditorState, awareness: Awareness, client: number): Range | null {
  const cursor = cursorOf(awareness.getStates().get(client));
  if (!cursor) return null;
  const anchor = resolvePlace(state, createRelativePositionFromJSON(cursor.anchor));
  const head = resolvePlace(state, createRelativePositionFromJSON(cursor.head));
  if (anchor === null || head === null) return null;
  const $head = state.doc.resolve(head);
  // Between blocks (nothing has been written yet, say), browsers would type into it.
  return { anchor, head: $head.parent.inlineContent ? head : Selection.near($head).head };
}

const clientOf = ({ spec }: Decoration) => (spec as { client: number }).client;

/** Where the carets are that are drawn. */
export function drawnCarets(set: DecorationSet): Map<number, Range> {
  const drawn = new Map<number, Range>();
  // A selection over several blocks is several decorations.
  const ends = new Map<number, { from: number; to: number }>();
  for (const decoration of set.find()) {
    const client = clientOf(decoration);
    const { from, to } = decoration;
    if ((decoration.spec as { caret?: true }).caret) drawn.set(client, { anchor: from, head: from });
    else ends.set(client, { from: Math.min(from, ends.get(client)?.from ?? from), to: Math.max(to, ends.get(client)?.to ?? to) });
  }
  for (const [client, { from, to }] of ends) {
    const head = drawn.get(client)?.head;
    if (head !== undefined) drawn.set(client, { head, anchor: head === from ? to : from });
  }
  return drawn;
}

function withMoves(set: DecorationSet, { doc }: EditorState, moves: Moves, caretOf: (client: number) => HTMLElement): DecorationSet {
  const old = set.find(undefined, undefined, ({ client }: { client: number }) => moves.has(client));
  const fresh: Decoration[] = [];
  for (const [client, range] of moves) {
    if (!range) continue;
    const { anchor, head } = range;
    fresh.push(Decoration.widget(head, () => caretOf(client), { key: `caret-${client}`, side: 10, client, caret: true }));
    if (anchor === head) continue;
    const look = { class: "caret-selection", "data-caret": String(client) };
    fresh.push(Decoration.inline(Math.min(anchor, head), Math.max(anchor, head), look, { client, inclusiveEnd: true }));
  }
  return set.remove(old).add(doc, fresh);
}

function makeCaret(client: number): HTMLElement {
  const caret = document.createElement("span");
  caret.className = "caret";
  caret.dataset["caret"] = String(client);
  const flag = document.createElement("span");
  flag.className = "caret-flag";
  // Decoration, not text: it must not be read out in the middle of a word.
  flag.ariaHidden = "true";
  // Without these, browsers put the own caret on the wrong side of it.
  caret.append("\u2060", flag, "\u2060");
  return caret;
}

/** The elements of the carets, and which of them show whose they are. */
class Flags {
  private readonly carets = new Map<number, HTMLElement>();
  private readonly hideAt = new Map<number, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly caretOf = (client: number): HTMLElement => {
    const caret = makeCaret(client);
    caret.toggleAttribute("data-moved", this.hideAt.has(client));
    this.carets.set(client, caret);
    return caret;
  };

  show(client: number): void {
    if (!this.hideAt.has(client)) this.carets.get(client)?.toggleAttribute("data-moved", true);
    this.hideAt.set(client, Date.now() + flagShownMs);
    this.timer ??= setTimeout(this.hide, flagShownMs);
  }

  drop(client: number): void {
    this.carets.delete(client);
    this.hideAt.delete(client);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private readonly hide = (): void => {
    const now = Date.now();
    for (const [client, at] of this.hideAt) {
      if (at > now) continue;
      this.hideAt.delete(client);
      this.carets.get(client)?.removeAttribute("data-moved");
    }
    const next = Math.min(...this.hideAt.values());
    this.timer = next === Infinity ? undefined : setTimeout(this.hide, next - now + 10);
  };
}

/**
 * Draws anew only carets that are elsewhere than they are drawn, at most once a frame: what somebody types
 * carries the caret along, so most of what is heard changes nothing.
 */
class CaretsView {
  private readonly moved = new Set<number>();
  private frame = 0;

  constructor(
    private readonly view: EditorView,
    private readonly awareness: Awareness,
    private readonly flags: Flags,
  ) {
    awareness.on("change", this.onChange);
    view.dom.addEventListener("focusin", this.later);
    view.dom.addEventListener("focusout", this.later);
    this.lookAtAll();
  }

  update(view: EditorView, before: EditorState): void {
    if (view.state.doc !== before.doc) {
      // What was typed here carries them along, too.
      if (isFromYjs(view.state)) this.lookAtAll();
    } else if (view.state.selection.eq(before.selection)) return;
    this.later();
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.flags.stop();
    this.awareness.off("change", this.onChange);
    this.view.dom.removeEventListener("focusin", this.later);
    this.view.dom.removeEventListener("focusout", this.later);
    this.awareness.setLocalStateField("cursor", null);
  }

  private readonly onChange = ({ added, updated, removed }: Change): void => {
    for (const client of added.concat(updated, removed)) if (client !== this.awareness.clientID) this.moved.add(client);
    if (this.moved.size > 0) this.later();
  };

  private lookAtAll(): void {
    for (const client of this.awareness.getStates().keys()) if (client !== this.awareness.clientID) this.moved.add(client);
    if (this.moved.size > 0) this.later();
  }

  private readonly later = (): void => {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
      this.tell();
    });
  };

  private draw(): void {
    const { view, awareness, flags } = this;
    const { state } = view;
    const drawn = drawnCarets(caretsKey.getState(state) ?? DecorationSet.empty);
    const moves = new Map<number, Range | null>();
    for (const client of this.moved) {
      const range = rangeOf(state, awareness, client);
      const before = drawn.get(client);
      if (range?.head !== before?.head || range?.anchor !== before?.anchor) moves.set(client, range);
      if (!awareness.getStates().has(client)) flags.drop(client);
    }
    this.moved.clear();
    if (moves.size > 0) view.dispatch(state.tr.setMeta(caretsKey, moves));
  }

  /** Tells the others where the own caret is. */
  private tell(): void {
    const { view, awareness } = this;
    const known = awareness.getLocalState();
    if (!known) return; // It was left.
    if (!view.hasFocus()) {
      if (known["cursor"]) awareness.setLocalStateField("cursor", null);
      return;
    }
    const { selection } = view.state;
    const anchor = placeOfCaret(view.state, selection.anchor);
    const head = selection.empty ? anchor : placeOfCaret(view.state, selection.head);
    if (!anchor || !head) return;
    const told = cursorOf(known);
    const same = (one: unknown, other: typeof anchor) => compareRelativePositions(createRelativePositionFromJSON(one), other);
    if (told && same(told.anchor, anchor) && same(told.head, head)) return;
    awareness.setLocalStateField("cursor", { anchor, head });
  }
}

export const carets = (awareness: Awareness) =>
  Extension.create({
    name: "carets",
    // Behind the binding, by whose places it goes.
    priority: 999,
    addProseMirrorPlugins: () => {
      const flags = new Flags();
      // A cursor that is told of again has moved, though it may be drawn where it is.
      const told = new Map<number, string>();
      const onUpdate = ({ updated, added }: Change) => {
        for (const client of added.concat(updated)) {
          const cursor = JSON.stringify(awareness.getStates().get(client)?.["cursor"] ?? null);
          if (told.get(client) !== cursor) flags.show(client);
          told.set(client, cursor);
        }
      };
      return [
        new Plugin<DecorationSet>({
          key: caretsKey,
          state: {
            init: () => DecorationSet.empty,
            apply: (tr, set, _before, state) => {
              const moves = tr.getMeta(caretsKey) as Moves | undefined;
              if (moves) return withMoves(set, state, moves, flags.caretOf);
              if (!tr.docChanged) return set;
              const mapped = set.map(tr.mapping, tr.doc);
              if (!isFromYjs(state)) return mapped;
              // Blocks that were made anew took them away.
              const left = drawnCarets(mapped);
              const lost = Array.from(drawnCarets(set).keys()).filter((client) => !left.has(client));
              if (lost.length === 0) return mapped;
              return withMoves(mapped, state, new Map(lost.map((client) => [client, rangeOf(state, awareness, client)])), flags.caretOf);
            },
          },
          props: { decorations: (state) => caretsKey.getState(state) },
          view: (view) => {
            awareness.on("change", onUpdate);
            const carets = new CaretsView(view, awareness, flags);
            return {
              update: (updated, before) => carets.update(updated, before),
              destroy: () => {
                awareness.off("change", onUpdate);
                carets.destroy();
              },
            };
          },
        }),
      ];
    },
  });

const cssString = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** Keeps colours and names of the cursors in step with who is there. Returns what undoes it. */
export function styleCarets(awareness: Awareness): () => void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  let shown = "";
  const render = () => {
    const rules = Array.from(awareness.getStates(), ([id, state]) => {
      const { name, color } = personFrom(state["user"], id);
      return `[data-caret="${id}"] { --person: ${color}; --on-person: ${textOn(color)}; --name: ${cssString(name)}; }`;
    }).join("\n");
    // A new sheet is a new look at every element.
    if (rules !== shown) sheet.replaceSync((shown = rules));
  };
  awareness.on("change", render);
  render();
  return () => {
    awareness.off("change", render);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
  };
}
