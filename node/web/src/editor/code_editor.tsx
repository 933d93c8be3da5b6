// A Monaco editor bound to a session's text.

import { useEffect, useRef } from "react";
import * as Y from "yjs";

import { code } from "../strings/code";
import type { Session } from "../sync";
import css from "./code_editor.module.css";
import { RemoteCursors } from "./cursors";
import { Figures } from "./figures";
import type { EditorHandle, TextFigures } from "./handle";
import { monaco } from "./monaco";
import { MonacoHandle } from "./monaco_handle";
import { fixText } from "./plain_text";
import { TextBinding } from "./text_binding";

export interface EditorProps {
  session: Session;
  /** Chooses the language where `language` is empty. */
  path: string;
  language: string;
  mayEdit: boolean;
  /** The session's content has arrived. */
  loaded: boolean;
  onFigures: (figures: TextFigures) => void;
  /** Called with null when it ends. */
  handle: (handle: EditorHandle | null) => void;
}

type Monaco = monaco.editor.IStandaloneCodeEditor;

const fontFamily =
  'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace';

function createEditor(container: HTMLElement, session: Session, path: string): Monaco {
  // The file name in the address is what Monaco chooses the language by.
  const uri = monaco.Uri.from({ scheme: "coterie", authority: session.ref.document, path: "/" + path });
  const model = monaco.editor.getModel(uri) ?? monaco.editor.createModel("", undefined, uri);
  model.setEOL(monaco.editor.EndOfLineSequence.LF);
  model.updateOptions({ tabSize: 2, insertSpaces: true });
  const prose = ["markdown", "plaintext", "restructuredtext"].includes(model.getLanguageId());
  return monaco.editor.create(container, {
    model,
    ariaLabel: code.textOf(path),
    automaticLayout: true,
    fontFamily,
    fontSize: 14,
    lineHeight: 22,
    hideCursorInOverviewRuler: true,
    minimap: { enabled: false },
    overviewRulerBorder: false,
    // On a phone its marks would lie over the ends of the lines.
    overviewRulerLanes: matchMedia("(max-width: 760px)").matches ? 0 : 2,
    // Room for the name flag of a cursor in the first line.
    padding: { top: 28, bottom: 28 },
    fixedOverflowWidgets: true,
    readOnly: true,
    renderLineHighlight: "all",
    renderLineHighlightOnlyWhenFocus: true,
    scrollBeyondLastLine: false,
    smoothScrolling: true,
    wordWrap: prose ? "on" : "off",
    quickSuggestions: false,
    occurrencesHighlight: prose ? "off" : "singleFile",
  });
}

/**
 * Binds until the returned function is called. Starts over when the model and the text no longer
 * have the same length, because something arrived that Monaco holds differently.
 */
function bind(
  editor: Monaco,
  model: monaco.editor.ITextModel,
  session: Session,
  mayEdit: boolean,
): { unbind: () => void; undo: () => Y.UndoManager } {
  let unbind = () => {};
  let manager: Y.UndoManager;

  const start = () => {
    unbind();
    // Who may not edit sees Monaco's form of the text, bound anew after each change.
    if (mayEdit) fixText(session.text);
    const binding = new TextBinding(editor, model, session.text, session.awareness);
    const cursors = new RemoteCursors(editor, session);
    // Monaco's own undo does not know of remote changes and would restore text at wrong places.
    const undo = new Y.UndoManager(session.text, { trackedOrigins: new Set([binding]) });
    manager = undo;
    const { CtrlCmd, Shift } = monaco.KeyMod;
    const { KeyZ, KeyY } = monaco.KeyCode;
    const actions = [
      { id: "coterie.undo", label: code.undo, keybindings: [CtrlCmd | KeyZ], run: () => void undo.undo() },
      {
        id: "coterie.redo",
        label: code.redo,
        keybindings: [CtrlCmd | Shift | KeyZ, CtrlCmd | KeyY],
        run: () => void undo.redo(),
      },
    ].map((action) => editor.addAction(action));
    unbind = () => {
      for (const action of actions) action.dispose();
      undo.destroy();
      cursors.destroy();
      binding.destroy();
    };
  };

  let starting = false; // fixText() edits too.
  const inStep = () => model.getValueLength() === session.text.length;
  const check = () => {
    if (starting || inStep()) return;
    starting = true;
    start();
    starting = false;
    // Not plain text (an embedded object, say): better to show it than to edit it wrongly.
    if (!inStep()) editor.updateOptions({ readOnly: true });
  };
  start();
  session.doc.on("afterAllTransactions", check);
  return {
    undo: () => manager,
    unbind: () => {
      session.doc.off("afterAllTransactions", check);
      unbind();
    },
  };
}

export default function CodeEditor({ session, path, language, mayEdit, loaded, onFigures, handle }: EditorProps) {
  const container = useRef<HTMLDivElement>(null);
  const editorRef = useRef<Monaco>(null);

  useEffect(() => {
    const element = container.current as HTMLDivElement;
    const editor = createEditor(element, session, path);
    const model = editor.getModel() as monaco.editor.ITextModel;
    editorRef.current = editor;
    const { unbind, undo } = bind(editor, model, session, mayEdit);
    const report = () => {
      const { lineNumber, column } = editor.getPosition() ?? { lineNumber: 1, column: 1 };
      const { words } = figures;
      if (words === null) return;
      onFigures({ words, characters: model.getValueLength(), line: lineNumber, column, language: model.getLanguageId() });
    };
    const figures = new Figures(model, report);
    editor.onDidChangeCursorPosition(report);
    model.onDidChangeContent(() => figures.changed());
    model.onDidChangeLanguage(report);
    handle(new MonacoHandle(editor, model, session, undo));
    return () => {
      handle(null);
      figures.stop();
      unbind();
      editor.dispose();
      model.dispose();
      editorRef.current = null;
    };
  }, [session, path, mayEdit, onFigures, handle]);

  useEffect(() => {
    const model = editorRef.current?.getModel();
    if (model && language) monaco.editor.setModelLanguage(model, language);
  }, [language, session, path, mayEdit]);

  useEffect(() => {
    editorRef.current?.updateOptions({ readOnly: !(loaded && mayEdit) });
    if (loaded) editorRef.current?.focus();
  }, [session, path, mayEdit, loaded]);

  return <div className={css.editor} ref={container} />;
}
