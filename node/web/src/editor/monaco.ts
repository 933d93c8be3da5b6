// Monaco with the features and languages that a plain-text document needs, and nothing that
// depends on a language server. Imported lazily: it is most of what this client weighs.

import "monaco-editor/features/bracketMatching/register.js";
import "monaco-editor/features/caretOperations/register.js";
import "monaco-editor/features/clipboard/register.js";
import "monaco-editor/features/codeEditor/register.js";
import "monaco-editor/features/codicon/register.js";
import "monaco-editor/features/comment/register.js";
import "monaco-editor/features/contextmenu/register.js";
import "monaco-editor/features/dnd/register.js";
import "monaco-editor/features/find/register.js";
import "monaco-editor/features/folding/register.js";
import "monaco-editor/features/fontZoom/register.js";
import "monaco-editor/features/gotoLine/register.js";
import "monaco-editor/features/indentation/register.js";
import "monaco-editor/features/iPadShowKeyboard/register.js";
import "monaco-editor/features/lineSelection/register.js";
import "monaco-editor/features/linesOperations/register.js";
import "monaco-editor/features/links/register.js";
import "monaco-editor/features/longLinesHelper/register.js";
import "monaco-editor/features/multicursor/register.js";
import "monaco-editor/features/placeholderText/register.js";
import "monaco-editor/features/quickCommand/register.js";
import "monaco-editor/features/readOnlyMessage/register.js";
import "monaco-editor/features/smartSelect/register.js";
import "monaco-editor/features/toggleTabFocusMode/register.js";
import "monaco-editor/features/wordHighlighter/register.js";
import "monaco-editor/features/wordOperations/register.js";

import "monaco-editor/languages/definitions/bat/register.js";
import "monaco-editor/languages/definitions/cpp/register.js";
import "monaco-editor/languages/definitions/csharp/register.js";
import "monaco-editor/languages/definitions/css/register.js";
import "monaco-editor/languages/definitions/dart/register.js";
import "monaco-editor/languages/definitions/dockerfile/register.js";
import "monaco-editor/languages/definitions/elixir/register.js";
import "monaco-editor/languages/definitions/go/register.js";
import "monaco-editor/languages/definitions/graphql/register.js";
import "monaco-editor/languages/definitions/hcl/register.js";
import "monaco-editor/languages/definitions/html/register.js";
import "monaco-editor/languages/definitions/ini/register.js";
import "monaco-editor/languages/definitions/java/register.js";
import "monaco-editor/languages/definitions/javascript/register.js";
import "monaco-editor/languages/definitions/kotlin/register.js";
import "monaco-editor/languages/definitions/less/register.js";
import "monaco-editor/languages/definitions/lua/register.js";
import "monaco-editor/languages/definitions/markdown/register.js";
import "monaco-editor/languages/definitions/perl/register.js";
import "monaco-editor/languages/definitions/php/register.js";
import "monaco-editor/languages/definitions/powershell/register.js";
import "monaco-editor/languages/definitions/protobuf/register.js";
import "monaco-editor/languages/definitions/python/register.js";
import "monaco-editor/languages/definitions/r/register.js";
import "monaco-editor/languages/definitions/restructuredtext/register.js";
import "monaco-editor/languages/definitions/ruby/register.js";
import "monaco-editor/languages/definitions/rust/register.js";
import "monaco-editor/languages/definitions/scala/register.js";
import "monaco-editor/languages/definitions/scss/register.js";
import "monaco-editor/languages/definitions/shell/register.js";
import "monaco-editor/languages/definitions/sql/register.js";
import "monaco-editor/languages/definitions/swift/register.js";
import "monaco-editor/languages/definitions/typescript/register.js";
import "monaco-editor/languages/definitions/xml/register.js";
import "monaco-editor/languages/definitions/yaml/register.js";

import EditorWorker from "monaco-editor/editor/editor.worker.js?worker";
import * as monaco from "monaco-editor/editor/editor.api.js";

import { isDark, subscribeTheme } from "../shell/theme";

self.MonacoEnvironment = { getWorker: () => new EditorWorker() };

// Monaco's own JSON needs a language server in a worker; for colouring, JavaScript's grammar does.
monaco.languages.register({ id: "javascript", extensions: [".json", ".jsonc"] });

/** `tokens`: those of Monaco's colours that are too faint on the marks of changes and authors. */
const theme = (base: "vs" | "vs-dark", tokens: Record<string, string>, colors: Record<string, string>) =>
  monaco.editor.defineTheme(base === "vs" ? "coterie-light" : "coterie-dark", {
    base,
    inherit: true,
    rules: Object.entries(tokens).map(([token, foreground]) => ({ token, foreground })),
    colors,
  });
theme("vs", { comment: "0a6b0a", number: "06694a", type: "006b6b" }, {
  "editor.background": "#ffffff",
  "editorLineNumber.foreground": "#697080",
  "editorLineNumber.dimmedForeground": "#697080",
  "editorLineNumber.activeForeground": "#4b5060",
  "editor.wordHighlightBackground": "#4b506022",
  "editor.wordHighlightStrongBackground": "#4b506022",
  "editor.wordHighlightTextBackground": "#4b506022",
  "editor.wordHighlightBorder": "#4b506066",
  "editor.wordHighlightStrongBorder": "#4b506066",
  "editor.wordHighlightTextBorder": "#4b506066",
  "editor.lineHighlightBackground": "#f5f6fa",
  "editor.lineHighlightBorder": "#00000000",
});
theme("vs-dark", { comment: "7fb069" }, {
  "editor.background": "#15171c",
  "editorLineNumber.foreground": "#868d9c",
  "editorLineNumber.dimmedForeground": "#868d9c",
  "editorLineNumber.activeForeground": "#b4b9c6",
  "editor.wordHighlightBackground": "#868d9c22",
  "editor.wordHighlightStrongBackground": "#868d9c22",
  "editor.wordHighlightTextBackground": "#868d9c22",
  "editor.wordHighlightBorder": "#868d9c66",
  "editor.wordHighlightStrongBorder": "#868d9c66",
  "editor.wordHighlightTextBorder": "#868d9c66",
  "editor.lineHighlightBackground": "#1d2027",
  "editor.lineHighlightBorder": "#00000000",
  "editorWidget.background": "#1f2229",
});

const applyTheme = () => monaco.editor.setTheme(isDark() ? "coterie-dark" : "coterie-light");
subscribeTheme(applyTheme);
applyTheme();

export { monaco };
