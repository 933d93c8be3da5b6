// Finding and replacing.

import { type Editor, Extension } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { Plugin, PluginKey, TextSelection } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";

export interface Query {
  text: string;
  matchCase: boolean;
}

export interface Match {
  from: number;
  to: number;
}

/** More are not shown: the page would be busy with nothing else. */
export const matchesMax = 2000;

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Where `query` is in the text of each block. What is no text (an image, a line break) ends a match. */
export function findIn(doc: Node, { text, matchCase }: Query): Match[] {
  const matches: Match[] = [];
  if (!text) return matches;
  const pattern = new RegExp(escaped(text), matchCase ? "gu" : "giu");
  doc.descendants((node, position) => {
    if (!node.isTextblock) return matches.length < matchesMax;
    const content = node.textBetween(0, node.content.size, undefined, "\ufffc");
    for (const { index, 0: found } of content.matchAll(pattern)) {
      if (matches.length === matchesMax) break;
      matches.push({ from: position + 1 + index, to: position + 1 + index + found.length });
    }
    return false;
  });
  return matches;
}

/** The match to go to from `at`: the next one behind it, or before it; around the end, too. */
export function neighbourOf(matches: readonly Match[], at: Match, step: 1 | -1): number {
  if (matches.length === 0) return -1;
  if (step === 1) {
    const next = matches.findIndex(({ from }) => from >= at.to && from !== at.from);
    return next < 0 ? 0 : next;
  }
  const before = matches.findLastIndex(({ to }) => to <= at.from);
  return before < 0 ? matches.length - 1 : before;
}

interface FindState {
  query: Query | null;
  matches: readonly Match[];
  /** -1: none is looked at. */
  current: number;
  set: DecorationSet;
}

export const findKey = new PluginKey<FindState>("find");

const none: FindState = { query: null, matches: [], current: -1, set: DecorationSet.empty };

function search(doc: Node, query: Query, selected: Match): FindState {
  const matches = findIn(doc, query);
  const current = matches.findIndex(({ from, to }) => from === selected.from && to === selected.to);
  const decorations = matches.map(({ from, to }, i) =>
    Decoration.inline(from, to, { class: "found", ...(i === current ? { "data-current": "" } : {}) }),
  );
  return { query, matches, current, set: DecorationSet.create(doc, decorations) };
}

export const FindExtension = Extension.create({
  name: "find",
  addProseMirrorPlugins: () => [
    new Plugin<FindState>({
      key: findKey,
      state: {
        init: () => none,
        apply: (tr, state) => {
          const asked = tr.getMeta(findKey) as { query: Query | null } | undefined;
          const query = asked ? asked.query : state.query;
          if (!query) return none;
          return asked || tr.docChanged || tr.selectionSet ? search(tr.doc, query, tr.selection) : state;
        },
      },
      props: { decorations: (state) => findKey.getState(state)?.set },
    }),
  ],
});

export const stateOf = (editor: Editor): FindState => findKey.getState(editor.state) ?? none;

export function setQuery(editor: Editor, query: Query | null): void {
  editor.view.dispatch(editor.state.tr.setMeta(findKey, { query }));
}

function select(editor: Editor, match: Match | undefined): void {
  if (!match) return;
  const { tr } = editor.state;
  editor.view.dispatch(tr.setSelection(TextSelection.create(tr.doc, match.from, match.to)).scrollIntoView());
  // The focus stays in the find bar, so ProseMirror itself does not scroll.
  const { node } = editor.view.domAtPos(match.from);
  (node instanceof Element ? node : node.parentElement)?.scrollIntoView({ block: "nearest" });
}

export function go(editor: Editor, step: 1 | -1): void {
  const { matches } = stateOf(editor);
  select(editor, matches[neighbourOf(matches, editor.state.selection, step)]);
}

/** Goes to the first match at or behind the caret. */
export function goToFirst(editor: Editor): void {
  const { matches } = stateOf(editor);
  const { from } = editor.state.selection;
  select(editor, matches.find((match) => match.from >= from) ?? matches[0]);
}

/** Replaces the match that is looked at, and goes to the next one. */
export function replaceCurrent(editor: Editor, by: string): void {
  const { matches, current } = stateOf(editor);
  const match = matches[current];
  if (!match) return go(editor, 1);
  const { tr } = editor.state;
  tr.insertText(by, match.from, match.to);
  const end = match.from + by.length;
  editor.view.dispatch(tr.setSelection(TextSelection.create(tr.doc, end)));
  goToFirst(editor);
}

/** How many were replaced. */
export function replaceAll(editor: Editor, by: string): number {
  const { query } = stateOf(editor);
  const matches = query ? findIn(editor.state.doc, query) : [];
  const { tr } = editor.state;
  for (const { from, to } of matches.toReversed()) tr.insertText(by, from, to);
  if (matches.length > 0) editor.view.dispatch(tr);
  return matches.length;
}
