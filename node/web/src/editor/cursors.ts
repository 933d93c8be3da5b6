// Other people's cursors and selections in Monaco, with their names for a while after they move.
//
// Each person's is drawn anew when it moves. What is written in between moves it as Yjs would: Monaco's
// tracking of ranges is told on which side each end sticks.

import { personFrom } from "../person";
import { monaco } from "./monaco";
import { isRelativePosition, placeOf, type SharedText } from "./positions";

/** How long a name stays beside a cursor that has stopped moving; later, pointing at it shows it. */
const flagShownMs = 4000;

const sticksRight = (json: unknown): boolean => ((json as { assoc?: unknown }).assoc ?? 0) !== -1;

function stickiness(start: unknown, end: unknown): monaco.editor.TrackedRangeStickiness {
  const { AlwaysGrowsWhenTypingAtEdges, GrowsOnlyWhenTypingAfter, GrowsOnlyWhenTypingBefore, NeverGrowsWhenTypingAtEdges } =
    monaco.editor.TrackedRangeStickiness;
  if (sticksRight(start)) return sticksRight(end) ? GrowsOnlyWhenTypingAfter : NeverGrowsWhenTypingAtEdges;
  return sticksRight(end) ? AlwaysGrowsWhenTypingAtEdges : GrowsOnlyWhenTypingBefore;
}

const cssString = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

interface Cursor {
  decorations: monaco.editor.IEditorDecorationsCollection;
  /** As JSON: what it was drawn for, and whom. */
  selection: string;
  person: string;
  /** It is of text that has not arrived. */
  unplaced: boolean;
  named: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

interface Change {
  added: number[];
  updated: number[];
  removed: number[];
}

export class RemoteCursors {
  private readonly cursors = new Map<number, Cursor>();
  private readonly sheet = new CSSStyleSheet();

  constructor(
    private readonly editor: monaco.editor.IStandaloneCodeEditor,
    private readonly where: SharedText,
  ) {
    document.adoptedStyleSheets.push(this.sheet);
    const { awareness, text } = where;
    awareness.on("change", this.onAwareness);
    text.observe(this.onText);
    this.onAwareness({ added: Array.from(awareness.getStates().keys()), updated: [], removed: [] });
  }

  destroy(): void {
    const { awareness, text } = this.where;
    awareness.off("change", this.onAwareness);
    text.unobserve(this.onText);
    for (const id of Array.from(this.cursors.keys())) this.remove(id);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== this.sheet);
  }

  private readonly onAwareness = ({ added, updated, removed }: Change): void => {
    let dressed = false;
    for (const id of removed) dressed = this.remove(id) || dressed;
    for (const id of [...added, ...updated]) {
      if (id !== this.where.awareness.clientID) dressed = this.update(id) || dressed;
    }
    if (dressed) this.dress();
  };

  private readonly onText = (): void => {
    for (const [id, cursor] of this.cursors) if (cursor.unplaced) this.draw(id, cursor);
  };

  private remove(id: number): boolean {
    const cursor = this.cursors.get(id);
    clearTimeout(cursor?.timer);
    cursor?.decorations.clear();
    return this.cursors.delete(id);
  }

  /** Returns whether who it is has changed. */
  private update(id: number): boolean {
    const state = this.where.awareness.getStates().get(id);
    const cursor = this.cursors.get(id) ?? {
      decorations: this.editor.createDecorationsCollection(),
      selection: "",
      person: "",
      unplaced: false,
      named: false,
      timer: undefined,
    };
    this.cursors.set(id, cursor);
    const selection = JSON.stringify(state?.["selection"] ?? null);
    // Who types at the end of a line stays at the same place of it: they say that they type.
    if (selection !== cursor.selection || state?.["typing"] === true) {
      cursor.named = true;
      clearTimeout(cursor.timer);
      cursor.timer = setTimeout(() => {
        cursor.named = false;
        this.draw(id, cursor);
      }, flagShownMs);
      cursor.selection = selection;
      this.draw(id, cursor);
    }
    const { name, color } = personFrom(state?.["user"], id);
    const person = JSON.stringify([name, color]);
    const changed = person !== cursor.person;
    cursor.person = person;
    return changed;
  }

  private draw(id: number, cursor: Cursor): void {
    const { anchor, head } = this.where.awareness.getStates().get(id)?.["selection"] ?? {};
    const [from, to] = [placeOf(anchor, this.where), placeOf(head, this.where)];
    cursor.unplaced = (from === null || to === null) && isRelativePosition(anchor) && isRelativePosition(head);
    const model = this.editor.getModel();
    if (from === null || to === null || !model) return cursor.decorations.clear();
    const forward = from < to;
    const headClass = `cursor-head cursor-${id}${cursor.named ? " cursor-named" : ""}`;
    const [start, end] = [model.getPositionAt(Math.min(from, to)), model.getPositionAt(Math.max(from, to))];
    cursor.decorations.set([
      {
        range: monaco.Range.fromPositions(start, end),
        options: {
          className: `cursor-selection cursor-${id}`,
          [forward ? "afterContentClassName" : "beforeContentClassName"]: headClass,
          stickiness: forward ? stickiness(anchor, head) : stickiness(head, anchor),
        },
      },
    ]);
  }

  /** Each person's name and colour: the browser looks at all of the page anew after it. */
  private dress(): void {
    const rules = Array.from(this.cursors, ([id, { person }]) => {
      const [name, color] = JSON.parse(person) as [string, string];
      return `.cursor-${id} { --person: ${color}; } .cursor-${id}.cursor-head::after { content: ${cssString(name)}; }`;
    });
    this.sheet.replaceSync(rules.join("\n"));
  }
}
