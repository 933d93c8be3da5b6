// Monaco's diff editor, and one that only shows: its own chunk, loaded when a version is looked at.

import "monaco-editor/features/diffEditor/register.js";

import { monaco } from "../editor/monaco";
import type { Changes } from "./changes";

interface Side {
  text: string;
  label: string;
}

export interface Shown {
  set: (text: string) => void;
  dispose: () => void;
}

/** Room for the numbers of `lines`, and for what parts them from their neighbours. */
const numberCharacters = (lines: number) => Math.max(5, String(lines).length + 1);

const options = (label: string, lines: number): monaco.editor.IEditorOptions & monaco.editor.IGlobalEditorOptions => ({
  ariaLabel: label,
  automaticLayout: true,
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--font-code"),
  fontSize: 13,
  lineHeight: 20,
  readOnly: true,
  domReadOnly: true,
  minimap: { enabled: false },
  overviewRulerBorder: false,
  hideCursorInOverviewRuler: true,
  scrollBeyondLastLine: false,
  renderLineHighlight: "none",
  occurrencesHighlight: "off",
  folding: false,
  lineDecorationsWidth: 22,
  lineNumbersMinChars: numberCharacters(lines),
  contextmenu: false,
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  wordWrap: "on",
  padding: { top: 12, bottom: 12 },
});

let models = 0;

/** The path ends as the document's does: that is what Monaco chooses the language by. */
function model(text: string, path: string, language: string | undefined): monaco.editor.ITextModel {
  const uri = monaco.Uri.from({ scheme: "coterie-version", path: `/${models++}/${path}` });
  const known = language !== undefined && monaco.languages.getLanguages().some(({ id }) => id === language);
  const made = monaco.editor.createModel(text, known ? language : undefined, uri);
  made.setEOL(monaco.editor.EndOfLineSequence.LF);
  return made;
}

export function showText(container: HTMLElement, path: string, language: string | undefined, { text, label }: Side): Shown {
  const shown = model(text, path, language);
  const editor = monaco.editor.create(container, { ...options(label, shown.getLineCount()), model: shown });
  return {
    set: (next) => {
      if (shown.getValue() !== next) shown.setValue(next);
    },
    dispose: () => {
      editor.dispose();
      shown.dispose();
    },
  };
}

export interface ShownDiff {
  set: (before: string, after: string) => void;
  dispose: () => void;
}

export function showDiff(
  container: HTMLElement,
  path: string,
  language: string | undefined,
  { before, after, onChanges }: { before: Side; after: Side; onChanges: (changes: Changes) => void },
): ShownDiff {
  const original = model(before.text, path, language);
  const modified = model(after.text, path, language);
  const editor = monaco.editor.createDiffEditor(container, {
    ...options(after.label, Math.max(original.getLineCount(), modified.getLineCount())),
    diffWordWrap: "on",
    enableSplitViewResizing: false,
    renderSideBySide: true,
    useInlineViewWhenSpaceIsLimited: true,
    renderSideBySideInlineBreakpoint: 720,
    renderIndicators: true,
    renderMarginRevertIcon: false,
    renderGutterMenu: false,
    renderOverviewRuler: false,
    hideUnchangedRegions: { enabled: true, contextLineCount: 4, minimumLineCount: 6, revealLineCount: 20 },
    diffAlgorithm: "advanced",
  });
  // Its own options for this do not reach what is focused.
  editor.getOriginalEditor().updateOptions({ ariaLabel: before.label });
  editor.getModifiedEditor().updateOptions({ ariaLabel: after.label });
  const compared = editor.createViewModel({ original, modified });
  editor.setModel(compared);

  editor.onDidUpdateDiff(() => {
    const changes = editor.getLineChanges() ?? [];
    onChanges({
      count: changes.length,
      show: (index) => {
        const change = changes[index];
        if (!change) return;
        const line = Math.max(1, change.modifiedStartLineNumber);
        const shown = editor.getModifiedEditor();
        shown.setPosition({ lineNumber: line, column: 1 });
        shown.revealLinesInCenter(line, Math.max(line, change.modifiedEndLineNumber));
      },
    });
  });
  return {
    set: (oldText, newText) => {
      if (original.getValue() !== oldText) original.setValue(oldText);
      if (modified.getValue() !== newText) modified.setValue(newText);
    },
    dispose: () => {
      // First, so that what is being computed is not missed.
      compared.dispose();
      editor.dispose();
      original.dispose();
      modified.dispose();
    },
  };
}
