// Code blocks: colours by lowlight, and a menu for the language.

import { CodeBlock } from "@tiptap/extension-code-block";
import { common, createLowlight } from "lowlight";

import { rich } from "../strings/rich";
import { codeColors, type Colored } from "./code_colors";

const grammars = createLowlight(common);
export const languages: readonly string[] = grammars.listLanguages().filter((name) => name !== "plaintext").sort();

const highlight = (language: string, text: string) => (grammars.registered(language) ? grammars.highlight(language, text) : {}) as Colored;

function languageMenu(current: string): HTMLSelectElement {
  const menu = document.createElement("select");
  menu.setAttribute("aria-label", rich.language);
  const names = current && !languages.includes(current) ? [current, ...languages] : languages;
  menu.add(new Option(rich.noLanguage, ""));
  for (const name of names) menu.add(new Option(name, name));
  menu.value = current;
  return menu;
}

export const RichCodeBlock = CodeBlock.extend({
  addProseMirrorPlugins() {
    return [...(this.parent?.() ?? []), codeColors(this.type, highlight)];
  },

  addNodeView() {
    return ({ editor, node, getPos }) => {
      const dom = document.createElement("div");
      dom.className = "code-block";
      const pre = document.createElement("pre");
      const contentDOM = document.createElement("code");
      pre.append(contentDOM);
      pre.spellcheck = false;
      const languageOf = (of: typeof node) => (typeof of.attrs["language"] === "string" ? of.attrs["language"] : "");
      let menu = languageMenu(languageOf(node));
      const adopt = (fresh: HTMLSelectElement) => {
        fresh.contentEditable = "false";
        fresh.disabled = !editor.isEditable;
        fresh.addEventListener("change", () => {
          const at = getPos();
          if (at === undefined) return;
          const language = fresh.value || null;
          editor.commands.command(({ tr }) => Boolean(tr.setNodeAttribute(at, "language", language)));
        });
        return fresh;
      };
      dom.append(adopt(menu), pre);
      return {
        dom,
        contentDOM,
        update: (changed) => {
          if (changed.type !== node.type) return false;
          if (menu.value !== languageOf(changed)) {
            const fresh = adopt(languageMenu(languageOf(changed)));
            menu.replaceWith(fresh);
            menu = fresh;
          }
          return true;
        },
        stopEvent: (event) => event.target === menu,
        ignoreMutation: (mutation) => !contentDOM.contains(mutation.target),
      };
    };
  },
}).configure({ enableTabIndentation: false, exitOnTripleEnter: true });
