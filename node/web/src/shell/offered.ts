// The commands that parts of the page offer now.

export interface Command {
  id: string;
  title: string;
  /** Shown, and pressed: "Mod+Shift+H", where Mod is Ctrl, or Cmd on a Mac. */
  keys?: string;
  group: string;
  run: () => void;
}

/** Parts of the page that offer commands: in this order, whichever is loaded first. */
const parts = ["document", "comments", "home", "palette"] as const;
export type Part = (typeof parts)[number];

const offered = new Map<readonly Command[], Part>();

export const allCommands = (): Command[] =>
  parts.flatMap((part) => Array.from(offered).flatMap(([commands, by]) => (by === part ? commands : [])));

/** Returns what ends it. */
export function offer(part: Part, commands: readonly Command[]): () => void {
  offered.set(commands, part);
  return () => void offered.delete(commands);
}
