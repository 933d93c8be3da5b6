// Blocks that the toolbar and the menu of "/" make.

import type { Editor } from "@tiptap/core";
import {
  Code,
  Heading1,
  Heading2,
  Heading3,
  Image,
  List,
  ListChecks,
  ListOrdered,
  type LucideIcon,
  Minus,
  Pilcrow,
  Quote,
  Table,
} from "lucide-react";

import { rich } from "../strings/rich";

export interface Block {
  id: string;
  title: string;
  hint: string;
  /** What else it is called. */
  words: readonly string[];
  keys?: string;
  icon: LucideIcon;
  active: (editor: Editor) => boolean;
  run: (editor: Editor) => void;
}

const headingIcons = [Heading1, Heading2, Heading3];

const heading = (level: 1 | 2 | 3): Block => ({
  id: `heading${level}`,
  title: rich.heading(level),
  hint: rich.slashHints.heading,
  words: [`h${level}`, "title"],
  keys: `Mod-Alt-${level}`,
  icon: headingIcons[level - 1] as LucideIcon,
  active: (editor) => editor.isActive("heading", { level }),
  run: (editor) => editor.chain().focus().setHeading({ level }).run(),
});

export const textStyles: readonly Block[] = [
  {
    id: "body",
    title: rich.body,
    hint: rich.slashHints.body,
    words: ["paragraph", "text"],
    keys: "Mod-Alt-0",
    icon: Pilcrow,
    active: (editor) => editor.isActive("paragraph"),
    run: (editor) => editor.chain().focus().setParagraph().run(),
  },
  heading(1),
  heading(2),
  heading(3),
];

export const lists: readonly Block[] = [
  {
    id: "bulletList",
    title: rich.bulletList,
    hint: rich.slashHints.bulletList,
    words: ["unordered", "points", "ul"],
    keys: "Mod-Shift-8",
    icon: List,
    active: (editor) => editor.isActive("bulletList"),
    run: (editor) => editor.chain().focus().toggleBulletList().run(),
  },
  {
    id: "orderedList",
    title: rich.orderedList,
    hint: rich.slashHints.orderedList,
    words: ["ordered", "steps", "ol"],
    keys: "Mod-Shift-7",
    icon: ListOrdered,
    active: (editor) => editor.isActive("orderedList"),
    run: (editor) => editor.chain().focus().toggleOrderedList().run(),
  },
  {
    id: "taskList",
    title: rich.taskList,
    hint: rich.slashHints.taskList,
    words: ["task list", "todo", "check"],
    keys: "Mod-Shift-9",
    icon: ListChecks,
    active: (editor) => editor.isActive("taskList"),
    run: (editor) => editor.chain().focus().toggleTaskList().run(),
  },
];

/** `chooseImage` opens the browser's dialog for files. */
export const inserts = (chooseImage: () => void): readonly Block[] => [
  {
    id: "quote",
    title: rich.quote,
    hint: rich.slashHints.quote,
    words: ["blockquote", "citation"],
    keys: "Mod-Shift-B",
    icon: Quote,
    active: (editor) => editor.isActive("blockquote"),
    run: (editor) => editor.chain().focus().toggleBlockquote().run(),
  },
  {
    id: "codeBlock",
    title: rich.codeBlock,
    hint: rich.slashHints.codeBlock,
    words: ["source", "program"],
    keys: "Mod-Alt-C",
    icon: Code,
    active: (editor) => editor.isActive("codeBlock"),
    run: (editor) => editor.chain().focus().toggleCodeBlock().run(),
  },
  {
    id: "image",
    title: rich.image,
    hint: rich.slashHints.image,
    words: ["picture", "photo"],
    icon: Image,
    active: () => false,
    run: chooseImage,
  },
  {
    id: "table",
    title: rich.table,
    hint: rich.slashHints.table,
    words: ["grid"],
    icon: Table,
    active: (editor) => editor.isActive("table"),
    run: (editor) => editor.chain().focus().insertTable({ rows: 3, cols: 3, withHeaderRow: true }).run(),
  },
  {
    id: "rule",
    title: rich.rule,
    hint: rich.slashHints.rule,
    words: ["horizontal rule", "hr", "separator"],
    icon: Minus,
    active: () => false,
    run: (editor) => editor.chain().focus().setHorizontalRule().run(),
  },
];
