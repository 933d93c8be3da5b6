// What documents are: told by their properties where somebody set them, by their names otherwise.

import { splitPath } from "../route";

export type Kind = "rich" | "code" | "plain";

export interface Language {
  /** Monaco's name for it, which is what documents carry. */
  id: string;
  title: string;
  /** The first is what new documents get. */
  extensions: readonly string[];
}

const language = (id: string, title: string, ...extensions: string[]): Language => ({ id, title, extensions });

/** Those that the editor colours, in the order of a menu. */
export const languages: readonly Language[] = [
  language("bat", "Batch", "bat", "cmd"),
  language("c", "C", "c", "h"),
  language("csharp", "C#", "cs"),
  language("cpp", "C++", "cpp", "cc", "cxx", "hpp", "hh", "hxx"),
  language("css", "CSS", "css"),
  language("dart", "Dart", "dart"),
  language("dockerfile", "Dockerfile", "dockerfile"),
  language("elixir", "Elixir", "ex", "exs"),
  language("go", "Go", "go"),
  language("graphql", "GraphQL", "graphql", "gql"),
  language("hcl", "HCL", "hcl", "tf"),
  language("html", "HTML", "html", "htm"),
  language("ini", "INI, TOML", "ini", "toml", "cfg", "conf", "properties"),
  language("java", "Java", "java"),
  language("javascript", "JavaScript", "js", "mjs", "cjs", "jsx"),
  language("json", "JSON", "json", "jsonc", "ipynb", "webmanifest"),
  language("kotlin", "Kotlin", "kt", "kts"),
  language("less", "Less", "less"),
  language("lua", "Lua", "lua"),
  language("markdown", "Markdown", "md", "markdown"),
  language("perl", "Perl", "pl", "pm"),
  language("php", "PHP", "php"),
  language("powershell", "PowerShell", "ps1"),
  language("protobuf", "Protocol Buffers", "proto"),
  language("python", "Python", "py", "pyi"),
  language("r", "R", "r"),
  language("restructuredtext", "reStructuredText", "rst"),
  language("ruby", "Ruby", "rb"),
  language("rust", "Rust", "rs"),
  language("scala", "Scala", "scala"),
  language("scss", "SCSS", "scss"),
  language("shell", "Shell", "sh", "bash", "zsh"),
  language("sql", "SQL", "sql"),
  language("swift", "Swift", "swift"),
  language("typescript", "TypeScript", "ts", "mts", "cts", "tsx"),
  language("xml", "XML", "xml", "svg", "xsd", "xsl"),
  language("yaml", "YAML", "yaml", "yml"),
];

const byId = new Map(languages.map((one) => [one.id, one]));
const byExtension = new Map(languages.flatMap((one) => one.extensions.map((extension) => [extension, one] as const)));

/** "md" of "notes/plan.md"; empty where there is none, and for names like ".gitignore". */
export function extensionOf(path: string): string {
  const { name } = splitPath(path);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
}

export const languageTitle = (id: string) => byId.get(id)?.title ?? id;
export const extensionFor = (id: string) => byId.get(id)?.extensions[0] ?? "";

/** What a file of that name is. Null: its name does not tell. */
export function kindByName(path: string): { kind: Kind; language: string } | null {
  const extension = extensionOf(path);
  if (extension === "txt" || extension === "text" || extension === "log" || extension === "csv") {
    return { kind: "plain", language: "" };
  }
  // Of names without an extension only this one tells: "Plan" is no Perl, though "pl" is.
  const known = byExtension.get(extension) ?? (splitPath(path).name.toLowerCase() === "dockerfile" ? byId.get("dockerfile") : undefined);
  return known ? { kind: "code", language: known.id } : null;
}

/** What a document is shown as, in lists. */
export function kindOf(document: { path: string; kind?: string; language?: string }): { kind: Kind; language: string } {
  const told = document.kind;
  const named = kindByName(document.path);
  if (told === "rich" || told === "plain") return { kind: told, language: "" };
  if (told === "code") return { kind: "code", language: document.language || (named?.language ?? "") };
  return named ?? { kind: "plain", language: "" };
}
