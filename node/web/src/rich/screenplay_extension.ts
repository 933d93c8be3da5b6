// The screenplay layout: what kind each line is, how it is shown, and Tab and Enter to go from one to
// the next. The kind is an attribute of the paragraph, `element`.

import { type Editor, Extension } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";

import { type ElementKind, isElementKind, kindAfter, kindsOf, neighbour } from "./screenplay";

interface LayoutState {
  on: boolean;
  set: DecorationSet;
}

export const screenplayKey = new PluginKey<LayoutState>("screenplay");

interface Place {
  node: Node;
  position: number;
  kind: ElementKind;
  /** It stands between the title and the first scene: who wrote it, say. */
  title: boolean;
}

/** The lines of a document: its paragraphs and headings that are in nothing else. */
function linesOf(doc: Node): Place[] {
  const found: { node: Node; position: number }[] = [];
  doc.forEach((node, position) => {
    if (["paragraph", "heading"].includes(node.type.name)) found.push({ node, position });
  });
  const heading = found.findIndex(({ node }) => node.attrs["level"] === 1);
  const body = found.filter((_, i) => i !== heading);
  const kinds = kindsOf(
    body.map(({ node }) => ({
      text: node.textContent,
      kind: isElementKind(node.attrs["element"]) ? node.attrs["element"] : null,
      level: node.type.name === "heading" ? Number(node.attrs["level"]) : 0,
    })),
  );
  const firstScene = heading < 0 ? -1 : kinds.indexOf("scene");
  return body.map((place, i) => ({
    ...place,
    kind: kinds[i] as ElementKind,
    title: i >= heading && i < firstScene && !isElementKind(place.node.attrs["element"]),
  }));
}

const decorate = (doc: Node) =>
  DecorationSet.create(
    doc,
    linesOf(doc).map(({ node, position, kind, title }) =>
      Decoration.node(position, position + node.nodeSize, title ? { "data-title": "" } : { "data-element": kind }),
    ),
  );

export const isScreenplay = (editor: Editor): boolean => screenplayKey.getState(editor.state)?.on === true;

export function setScreenplay(editor: Editor, on: boolean): void {
  editor.view.dispatch(editor.state.tr.setMeta(screenplayKey, on));
}

/** The kind of the line with the caret; null: it is in none. */
export function currentKind(editor: Editor): ElementKind | null {
  const { $head } = editor.state.selection;
  if ($head.depth !== 1) return null;
  return linesOf(editor.state.doc).find(({ position }) => position === $head.before(1))?.kind ?? null;
}

/** Headings become paragraphs: what a line is says its kind alone. */
export function setKind(editor: Editor, kind: ElementKind): boolean {
  return editor
    .chain()
    .command(({ tr, state }) => {
      const { from, to } = tr.selection;
      const paragraph = state.schema.nodes["paragraph"];
      tr.doc.nodesBetween(from, to, (node, position, parent) => {
        if (parent === tr.doc && ["paragraph", "heading"].includes(node.type.name)) {
          tr.setNodeMarkup(position, paragraph, { ...(node.type === paragraph ? node.attrs : {}), element: kind });
        }
        return false;
      });
      return true;
    })
    .run();
}

function enter(editor: Editor): boolean {
  const kind = currentKind(editor);
  const { $head, empty } = editor.state.selection;
  if (!kind || !empty) return false;
  // An empty line is a way out of speech; at the beginning of one, Enter only makes room above.
  if ($head.parent.content.size === 0) return kind === "action" ? false : setKind(editor, "action");
  if ($head.parentOffset < $head.parent.content.size) return false;
  return editor.chain().splitBlock({ keepMarks: false }).setNode("paragraph", { element: kindAfter(kind) }).run();
}

const tab = (editor: Editor, step: 1 | -1): boolean => {
  const kind = isScreenplay(editor) ? currentKind(editor) : null;
  return kind !== null && setKind(editor, neighbour(kind, step));
};

export const ScreenplayElement = Extension.create({
  name: "screenplay",
  priority: 200,

  addGlobalAttributes: () => [
    {
      types: ["paragraph"],
      attributes: {
        element: {
          default: null,
          parseHTML: (element) => element.getAttribute("data-element"),
          renderHTML: ({ element }) => (isElementKind(element) ? { "data-element": element } : {}),
        },
      },
    },
  ],

  addKeyboardShortcuts() {
    return {
      Tab: () => tab(this.editor, 1),
      "Shift-Tab": () => tab(this.editor, -1),
      Enter: () => isScreenplay(this.editor) && enter(this.editor),
    };
  },

  addProseMirrorPlugins: () => [
    new Plugin<LayoutState>({
      key: screenplayKey,
      state: {
        init: () => ({ on: false, set: DecorationSet.empty }),
        apply: (tr, before) => {
          const on = (tr.getMeta(screenplayKey) as boolean | undefined) ?? before.on;
          if (on === before.on && !tr.docChanged) return before;
          return { on, set: on ? decorate(tr.doc) : DecorationSet.empty };
        },
      },
      props: { decorations: (state) => screenplayKey.getState(state)?.set },
    }),
  ],
});
