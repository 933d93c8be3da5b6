// The toolbar above the text. What does not fit goes into the menu at its end.

import type { Editor } from "@tiptap/core";
import {
  Bold,
  ChevronDown,
  Clapperboard,
  CodeXml,
  Ellipsis,
  File,
  Italic,
  Link,
  type LucideIcon,
  Redo2,
  Search,
  Strikethrough,
  Underline,
  Undo2,
} from "lucide-react";
import { Fragment, type KeyboardEvent, useEffect, useRef, useState } from "react";

import { rich } from "../strings/rich";
import { Button, IconButton, Menu, MenuItem, MenuLine, MenuTitle } from "../ui/kit";
import { type Block, lists, textStyles } from "./blocks";
import { shownKeys } from "./keys";
import css from "./rich_editor.module.css";
import { type ElementKind, elementKinds } from "./screenplay";
import { currentKind, setKind } from "./screenplay_extension";
import { toolsThatFit } from "./toolbar_fit";
import { useEditorValue } from "./use_editor_value";

interface Tool {
  id: string;
  title: string;
  keys?: string;
  icon: LucideIcon;
  /** Undefined: it is not a state, it does something once. */
  pressed?: boolean;
  disabled?: boolean;
  run: () => void;
}

interface ToolbarProps {
  editor: Editor;
  inserts: readonly Block[];
  screenplay: boolean;
  onScreenplay: (on: boolean) => void;
  onLink: () => void;
  onFind: () => void;
}

const markNames = ["bold", "italic", "underline", "strike", "code"] as const;
const markTools = {
  bold: { icon: Bold, keys: "Mod-B" },
  italic: { icon: Italic, keys: "Mod-I" },
  underline: { icon: Underline, keys: "Mod-U" },
  strike: { icon: Strikethrough, keys: "Mod-Shift-S" },
  code: { icon: CodeXml, keys: "Mod-E" },
} satisfies Record<(typeof markNames)[number], { icon: LucideIcon; keys: string }>;

function useTools({ editor, inserts, onLink, onFind }: ToolbarProps): Tool[][] {
  const now = useEditorValue(editor, () => ({
    marks: markNames.filter((name) => editor.isActive(name)),
    blocks: [...lists, ...inserts].filter((block) => block.active(editor)).map(({ id }) => id),
    link: editor.isActive("link"),
    marksAllowed: editor.can().toggleBold(),
    undo: editor.can().undo(),
    redo: editor.can().redo(),
  }));
  const ofBlock = (block: Block): Tool => ({
    id: block.id,
    title: block.title,
    icon: block.icon,
    ...(block.keys ? { keys: block.keys } : {}),
    ...(["image", "rule", "table"].includes(block.id) ? {} : { pressed: now.blocks.includes(block.id) }),
    run: () => block.run(editor),
  });
  const marks = markNames.map((name) => ({
    id: name,
    title: rich[name],
    ...markTools[name],
    pressed: now.marks.includes(name),
    disabled: !now.marksAllowed && name !== "code",
    run: () => editor.chain().focus().toggleMark(name).run(),
  }));
  return [
    [
      { id: "undo", title: rich.undo, keys: "Mod-Z", icon: Undo2, disabled: !now.undo, run: () => editor.chain().focus().undo().run() },
      { id: "redo", title: rich.redo, keys: "Mod-Shift-Z", icon: Redo2, disabled: !now.redo, run: () => editor.chain().focus().redo().run() },
    ],
    [...marks, { id: "link", title: rich.link, keys: "Mod-K", icon: Link, pressed: now.link, run: onLink }],
    lists.map(ofBlock),
    inserts.map(ofBlock),
    [{ id: "find", title: rich.find, keys: "Mod-F", icon: Search, run: onFind }],
  ];
}

/** Roving tabindex: the toolbar is one stop of Tab, arrows go from button to button. */
function useRoving() {
  const bar = useRef<HTMLDivElement>(null);
  const buttons = () => Array.from(bar.current?.querySelectorAll<HTMLButtonElement>("button") ?? []);
  const current = useRef<HTMLButtonElement | null>(null);
  const stop = (button: HTMLButtonElement | undefined) => {
    if (!button) return;
    for (const one of buttons()) one.tabIndex = one === button ? 0 : -1;
    current.current = button;
  };
  useEffect(() => {
    const all = buttons();
    stop(all.find((one) => one === current.current) ?? all[0]);
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const all = buttons();
    const at = all.indexOf(event.target as HTMLButtonElement);
    const steps: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 };
    const to = steps[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const button = all[(to + all.length) % all.length];
    stop(button);
    button?.focus();
  };
  return { bar, onKeyDown, onFocus: (event: { target: EventTarget }) => stop(event.target as HTMLButtonElement) };
}

export function Toolbar(props: ToolbarProps) {
  const groups = useTools(props);
  const { bar, onKeyDown, onFocus } = useRoving();
  const [width, setWidth] = useState(Infinity);
  useEffect(() => {
    const element = bar.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? Infinity));
    observer.observe(element);
    return () => observer.disconnect();
  }, [bar]);

  const fitting = toolsThatFit(groups.map((group) => group.length), width);
  const filled = (parts: Tool[][]) => parts.filter((group) => group.length > 0);
  const shown = filled(groups.map((group, i) => group.slice(0, fitting[i])));
  const hidden = filled(groups.map((group, i) => group.slice(fitting[i])));
  return (
    <div
      ref={bar}
      className={css.toolbar}
      role="toolbar"
      aria-label={rich.toolbar}
      onKeyDown={onKeyDown}
      onFocus={onFocus}
      // The text keeps its selection and the caret.
      onMouseDown={(event) => event.preventDefault()}
    >
      <StyleMenu {...props} />
      {shown.map((group, i) => (
        <Fragment key={i}>
          <span className={css.divider} />
          {group.map((tool) => (
            <ToolButton key={tool.id} tool={tool} />
          ))}
        </Fragment>
      ))}
      <span className={css.divider} />
      <MoreMenu groups={hidden} {...props} />
    </div>
  );
}

function ToolButton({ tool: { title, keys, icon: Icon, pressed, disabled, run } }: { tool: Tool }) {
  return (
    <IconButton
      label={title}
      {...(keys ? { keys: shownKeys(keys), "aria-keyshortcuts": keys.replace("Mod", "Control").replaceAll("-", "+") } : {})}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      // Not `disabled`: the focus would be lost when undo comes to its end.
      aria-disabled={disabled || undefined}
      onClick={disabled ? undefined : run}
    >
      <Icon />
    </IconButton>
  );
}

function StyleMenu({ editor, screenplay }: ToolbarProps) {
  const { style, kind } = useEditorValue(editor, () => ({
    style: textStyles.toReversed().find((one) => one.active(editor))?.id ?? null,
    kind: screenplay ? currentKind(editor) : null,
  }));
  const shown = kind ? rich.elements[kind] : (textStyles.find(({ id }) => id === style)?.title ?? rich.body);
  const button = (
    <Button look="quiet" className={css.style} aria-label={rich.styleShown(shown)}>
      <span>{shown}</span>
      <ChevronDown />
    </Button>
  );
  return (
    <Menu button={button}>
      {screenplay && (
        <>
          <MenuTitle>{rich.element}</MenuTitle>
          {elementKinds.map((one: ElementKind) => (
            <MenuItem key={one} checked={kind === one} onSelect={() => setKind(editor, one)}>
              {rich.elements[one]}
            </MenuItem>
          ))}
          <MenuLine />
          <MenuTitle>{rich.style}</MenuTitle>
        </>
      )}
      {textStyles.map(({ id, title, keys, run }) => (
        <MenuItem
          key={id}
          checked={!kind && style === id}
          {...(keys ? { keys: shownKeys(keys) } : {})}
          onSelect={() => run(editor)}
        >
          {title}
        </MenuItem>
      ))}
    </Menu>
  );
}

function MoreMenu({ groups, screenplay, onScreenplay }: ToolbarProps & { groups: Tool[][] }) {
  const button = (
    <IconButton label={rich.more}>
      <Ellipsis />
    </IconButton>
  );
  return (
    <Menu button={button} align="end">
      {groups.map((group, i) => (
        <Fragment key={i}>
          {group.map(({ id, title, keys, icon: Icon, pressed, disabled, run }) => (
            <MenuItem
              key={id}
              icon={
                <>
                  {pressed === undefined && <span className={css.noCheck} />}
                  <Icon />
                </>
              }
              disabled={disabled ?? false}
              {...(keys ? { keys: shownKeys(keys) } : {})}
              {...(pressed === undefined ? {} : { checked: pressed })}
              onSelect={run}
            >
              {title}
            </MenuItem>
          ))}
          <MenuLine />
        </Fragment>
      ))}
      <MenuTitle>{rich.layout}</MenuTitle>
      <MenuItem icon={<File />} checked={!screenplay} onSelect={() => onScreenplay(false)}>
        {rich.plainLayout}
      </MenuItem>
      <MenuItem icon={<Clapperboard />} checked={screenplay} onSelect={() => onScreenplay(true)}>
        {rich.screenplayLayout}
      </MenuItem>
    </Menu>
  );
}
