// Kinds of lines of a screenplay.

export const elementKinds = ["scene", "action", "character", "dialogue", "parenthetical", "transition"] as const;
export type ElementKind = (typeof elementKinds)[number];

export const isElementKind = (value: unknown): value is ElementKind => elementKinds.includes(value as ElementKind);

/** What Tab makes of a line (`step` 1), or Shift+Tab (-1). */
export function neighbour(kind: ElementKind, step: 1 | -1): ElementKind {
  const count = elementKinds.length;
  return elementKinds[(elementKinds.indexOf(kind) + step + count) % count] as ElementKind;
}

const following: Record<ElementKind, ElementKind> = {
  scene: "action",
  action: "action",
  character: "dialogue",
  dialogue: "action",
  parenthetical: "dialogue",
  transition: "scene",
};

/** What the line after one of `kind` is, when Enter ends it. */
export const kindAfter = (kind: ElementKind): ElementKind => following[kind];

export interface Line {
  text: string;
  /** What it was made; null: nobody said. */
  kind: ElementKind | null;
  /** Of a heading; 0: it is none. */
  level: number;
}

const sceneStart = /^(int|ext|est|int\.?\/ext|i\/e)[. ]/i;
const transitionText = /^(fade (in|out)|cut to|dissolve to|smash cut|.* to:$)/i;
const isCapitals = (text: string) => /\p{Lu}/u.test(text) && !/\p{Ll}/u.test(text);

function guess(line: Line, before: ElementKind | null, next: Line | undefined): ElementKind {
  const text = line.text.trim();
  if (line.level > 0) return transitionText.test(text) ? "transition" : "scene";
  if (sceneStart.test(text)) return "scene";
  const speaks = before === "character" || before === "parenthetical";
  if ((speaks || before === "dialogue") && /^\(.*\)?$/.test(text)) return "parenthetical";
  if (speaks && text) return "dialogue";
  if (transitionText.test(text) && isCapitals(text)) return "transition";
  if (isCapitals(text) && text.length < 40 && next && next.level === 0 && next.text.trim()) return "character";
  return "action";
}

/** The kind of each line: what it was made, else what it looks like to who knows screenplays. */
export function kindsOf(lines: readonly Line[]): ElementKind[] {
  let before: ElementKind | null = null;
  return lines.map((line, i) => (before = line.kind ?? guess(line, before, lines[i + 1])));
}
