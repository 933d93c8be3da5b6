// The menu that "/" opens: its state in the editor, and which blocks it shows.

import { type Editor, Extension } from "@tiptap/core";
import { type EditorState, Plugin, PluginKey, type Transaction } from "@tiptap/pm/state";

import type { Block } from "./blocks";

interface SlashState {
  /** Where the "/" is. */
  from: number;
  query: string;
}

export const slashKey = new PluginKey<SlashState | null>("slash");

/** Those whose name or other names have a word that begins with `query`, in their order. */
export function matching(blocks: readonly Block[], query: string): Block[] {
  const wanted = query.toLowerCase().trim();
  return blocks.filter(({ title, words }) =>
    [title, ...words].some((name) => ` ${name.toLowerCase()}`.includes(` ${wanted}`)),
  );
}

const queryMax = 24;

function follow(tr: Transaction, before: SlashState | null, state: EditorState): SlashState | null {
  const asked = tr.getMeta(slashKey) as number | null | undefined;
  if (asked === null) return null;
  const from = asked ?? (before ? tr.mapping.map(before.from, -1) : null);
  const { $from, empty } = state.selection;
  if (from === null || !empty || from < $from.start() || $from.pos <= from) return null;
  const text = state.doc.textBetween(from, $from.pos, "\n", "\ufffc");
  const query = text.slice(1);
  if (!text.startsWith("/") || query.length > queryMax || /[\n\ufffc]|^\s|\s\s/.test(query)) return null;
  return before?.from === from && before.query === query ? before : { from, query };
}

export const SlashExtension = (onKey: (event: KeyboardEvent) => boolean) =>
  Extension.create({
    name: "slash",
    // Its keys come before those of lists and tables.
    priority: 1100,
    addProseMirrorPlugins: () => [
      new Plugin<SlashState | null>({
        key: slashKey,
        state: { init: () => null, apply: (tr, before, _old, state) => follow(tr, before, state) },
        props: {
          handleTextInput: (view, from, to, text) => {
            const { $from } = view.state.selection;
            if (text !== "/" || $from.parent.type.spec.code) return false;
            const before = $from.parent.textBetween(0, $from.parentOffset, undefined, "\ufffc");
            if (before && !/\s$/.test(before)) return false;
            view.dispatch(view.state.tr.insertText("/", from, to).setMeta(slashKey, from));
            return true;
          },
          handleKeyDown: (view, event) => slashKey.getState(view.state) !== null && onKey(event),
        },
      }),
    ],
  });

export const slashOf = (editor: Editor): SlashState | null => slashKey.getState(editor.state) ?? null;

export function closeSlash(editor: Editor): void {
  editor.view.dispatch(editor.state.tr.setMeta(slashKey, null));
}

/** Takes "/" and what follows away, and makes the block. */
export function choose(editor: Editor, block: Block): void {
  const slash = slashOf(editor);
  if (!slash) return;
  const { from } = slash;
  editor.chain().focus().deleteRange({ from, to: editor.state.selection.from }).run();
  block.run(editor);
}
