// A Monaco editor bound to a session's text.

import { useEffect, useRef } from "react";
import { MonacoBinding } from "y-monaco";
import * as Y from "yjs";

import type { Session } from "../sync";
import { cursorOf, styleCursors, forBinding } from "./cursors";
import { monaco } from "./monaco";
import { fixText } from "./plain_text";

export interface CaretPosition {
  line: number;
  column: number;
  language: string;
}

export interface EditorProps {
  session: Session;
  mayEdit: boolean;
  /** The session's content has arrived. */
  loaded: boolean;
  onCaret: (position: CaretPosition) => void;
}

type CodeEditor = monaco.editor.IStandaloneCodeEditor;

const fontFamily =
  'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace';

function createEditor(container: HTMLElement, path: string): CodeEditor {
  // The file name in the address is what Monaco chooses the language by.
  const uri = monaco.Uri.from({ scheme: "coterie", path: "/" + path });
  const model = monaco.editor.getModel(uri) ?? monaco.editor.createModel("", undefined, uri);
  model.setEOL(monaco.editor.EndOfLineSequence.LF);
  model.updateOptions({ tabSize: 2, insertSpaces: true });
  const prose = ["markdown", "plaintext", "restructuredtext"].includes(model.getLanguageId());
  return monaco.editor.create(container, {
    model,
    ariaLabel: `Text of ${path}`,
    automaticLayout: true,
    fontFamily,
    fontSize: 14,
    lineHeight: 22,
    hideCursorInOverviewRuler: true,
    minimap: { enabled: false },
    overviewRulerBorder: false,
    // Room for the name flag of a cursor in the first line.
    padding: { top: 28, bottom: 28 },
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
  editor: CodeEditor,
  model: monaco.editor.ITextModel,
  session: Session,
  mayEdit: boolean,
): () => void {
  const awareness = forBinding(session.awareness);
  let unbind = () => {};

  const start = () => {
    unbind();
    // Who may not edit sees Monaco's form of the text, bound anew after each change.
    if (mayEdit) fixText(session.text);
    const binding = new MonacoBinding(session.text, model, new Set([editor]), awareness);
    // Monaco's own undo does not know of remote changes and would restore text at wrong places.
    const undo = new Y.UndoManager(session.text, { trackedOrigins: new Set([binding]) });
    const { CtrlCmd, Shift } = monaco.KeyMod;
    const { KeyZ, KeyY } = monaco.KeyCode;
    const actions = [
      { id: "coterie.undo", label: "Undo", keybindings: [CtrlCmd | KeyZ], run: () => void undo.undo() },
      {
        id: "coterie.redo",
        label: "Redo",
        keybindings: [CtrlCmd | Shift | KeyZ, CtrlCmd | KeyY],
        run: () => void undo.redo(),
      },
    ].map((action) => editor.addAction(action));
    unbind = () => {
      for (const action of actions) action.dispose();
      undo.destroy();
      binding.destroy();
      // What y-monaco drew stays otherwise: others' cursors, where they were.
      editor.removeDecorations(binding._decorations.get(editor) ?? []);
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
  return () => {
    session.doc.off("afterAllTransactions", check);
    unbind();
  };
}

export default function Editor({ session, mayEdit, loaded, onCaret }: EditorProps) {
  const container = useRef<HTMLDivElement>(null);
  const editorRef = useRef<CodeEditor>(null);

  useEffect(() => {
    const editor = createEditor(container.current as HTMLDivElement, session.ref.path);
    const model = editor.getModel() as monaco.editor.ITextModel;
    editorRef.current = editor;
    const unbind = bind(editor, model, session, mayEdit);
    const unstyle = styleCursors(session.awareness);
    const report = () => {
      const { lineNumber, column } = editor.getPosition() ?? { lineNumber: 1, column: 1 };
      onCaret({ line: lineNumber, column, language: model.getLanguageId() });
    };
    editor.onDidChangeCursorPosition(report);
    report();
    session.onReveal = (clientId) => {
      const index = cursorOf(session, clientId);
      if (index !== null) editor.revealPositionInCenterIfOutsideViewport(model.getPositionAt(index));
    };
    return () => {
      session.onReveal = null;
      unstyle();
      unbind();
      editor.dispose();
      model.dispose();
      editorRef.current = null;
    };
  }, [session, mayEdit, onCaret]);

  useEffect(() => {
    editorRef.current?.updateOptions({ readOnly: !(loaded && mayEdit) });
    if (loaded) editorRef.current?.focus();
  }, [session, mayEdit, loaded]);

  return <div className="editor" ref={container} />;
}
