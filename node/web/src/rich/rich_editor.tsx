// Rich text: a TipTap editor bound to a session's document, with all that belongs to it.

import { type Editor, Extension } from "@tiptap/core";
import { memo, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import type { EditorHandle } from "../editor/handle";
import { rich } from "../strings/rich";
import type { Session } from "../sync";
import { Notice, toast, toastError } from "../ui/kit";
import { inserts, textStyles, lists } from "./blocks";
import { styleCarets } from "./carets";
import { FindBar } from "./find_bar";
import { ImageBubble } from "./image_bubble";
import { imagesIn, toDataAddress } from "./images";
import type { Trouble } from "./inspect";
import { LinkBubble } from "./link_bubble";
import { RichDocument, type RichView } from "./rich_document";
import css from "./rich_editor.module.css";
import { RichHandle } from "./rich_handle";
import { SlashExtension } from "./slash";
import { SlashMenu } from "./slash_menu";
import { TableBubble } from "./table_bubble";
import { Toolbar } from "./toolbar";
import { figuresOf, headingAt } from "./words";
import { ImageFiles } from "./writing";

export interface RichPosition {
  words: number;
  characters: number;
  /** Below which the caret is; empty: none. */
  heading: string;
}

export interface RichEditorProps {
  session: Session;
  mayEdit: boolean;
  /** The session's content has arrived. */
  loaded: boolean;
  onCaret: (position: RichPosition) => void;
  /** Called with null when it ends. */
  handle: (editor: EditorHandle | null) => void;
  /** Why it can only be read here, in words that are shown, too; null: it can be written. */
  onTrouble?: (text: string | null) => void;
  /** That it was made from; "screenplay" has a layout of its own. */
  template?: string;
}

const noView: RichView = { editor: null, trouble: null, writable: false, screenplay: false };
const restMs = 400;

const troubleTexts: Record<Trouble["kind"], (name: string) => string> = {
  element: rich.unknownElement,
  mark: rich.unknownMark,
  content: rich.unknownContent,
};

/** Tells words, characters and the heading, when text and caret rest. */
function useFigures(editor: Editor | null, onCaret: (position: RichPosition) => void): void {
  useEffect(() => {
    if (!editor) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let counted = editor.state.doc;
    let figures = figuresOf(counted);
    const report = () => {
      timer = undefined;
      const { doc, selection } = editor.state;
      if (doc !== counted) figures = figuresOf((counted = doc));
      onCaret({ ...figures, heading: headingAt(doc, selection.head) });
    };
    const changed = () => {
      clearTimeout(timer);
      timer = setTimeout(report, restMs);
    };
    editor.on("selectionUpdate", changed);
    editor.on("update", changed);
    report();
    return () => {
      clearTimeout(timer);
      editor.off("selectionUpdate", changed);
      editor.off("update", changed);
    };
  }, [editor, onCaret]);
}

/** Not again with every letter that is saved. */
export default memo(RichEditor);

function RichEditor({ session, mayEdit, loaded, onCaret, handle, onTrouble, template }: RichEditorProps) {
  const root = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const mount = useRef<HTMLDivElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const slashKeys = useRef<((event: KeyboardEvent) => boolean) | null>(null);
  const [document, setDocument] = useState<RichDocument | null>(null);
  const [find, setFind] = useState({ open: false, asked: 0 });
  const [linking, setLinking] = useState(false);
  const openFind = useCallback(() => setFind(({ asked }) => ({ open: true, asked: asked + 1 })), []);

  useEffect(() => {
    let made: RichHandle | null = null;
    const document: RichDocument = new RichDocument(session, {
      element: mount.current as HTMLDivElement,
      screenplayByDefault: template === "screenplay",
      onAnchor: (id) => made?.onAnchorClick?.(id),
      extensions: [
        SlashExtension((event) => slashKeys.current?.(event) ?? false),
        ImageFiles(imagesIn, (list, at) => void putImages(document.view().editor, list, at)),
        Extension.create({
          name: "pageKeys",
          addKeyboardShortcuts: () => ({
            "Mod-k": () => {
              setLinking(true);
              return true;
            },
            "Alt-F10": () => {
              root.current?.querySelector<HTMLElement>("[role=toolbar] button[tabindex='0']")?.focus();
              return true;
            },
          }),
        }),
      ],
    });
    made = new RichHandle(session, document, root.current as HTMLElement, scroller.current as HTMLElement, openFind);
    const unstyle = styleCarets(session.awareness);
    setDocument(document);
    handle(made);
    return () => {
      handle(null);
      setDocument(null);
      made?.close();
      unstyle();
      document.close();
    };
  }, [session, template, handle, openFind]);

  useEffect(() => {
    document?.allow(mayEdit && loaded);
  }, [document, mayEdit, loaded]);

  const view = useSyncExternalStore(
    useCallback((listener) => document?.subscribe(listener) ?? (() => {}), [document]),
    () => document?.view() ?? noView,
  );
  const { editor, trouble, writable, screenplay } = view;
  useFigures(editor, onCaret);
  useEffect(() => {
    // Not on phones, where it would bring up the keyboard over what is to be read first.
    if (editor && writable && matchMedia("(pointer: fine)").matches) editor.commands.focus();
  }, [editor, writable]);
  const text = trouble && mayEdit ? troubleTexts[trouble.kind](trouble.name) : null;
  useEffect(() => onTrouble?.(text), [text, onTrouble]);

  const made = useMemo(() => inserts(() => files.current?.click()), []);
  const blocks = useMemo(() => [...textStyles, ...lists, ...made], [made]);

  return (
    <div
      ref={root}
      className={css.root}
      data-screenplay={screenplay || undefined}
      onKeyDown={(event) => {
        if (event.key.toLowerCase() !== "f" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
        event.preventDefault();
        openFind();
      }}
    >
      {editor && writable && (
        <Toolbar
          editor={editor}
          inserts={made}
          screenplay={screenplay}
          onScreenplay={(on) => document?.setScreenplay(on)}
          onLink={() => setLinking(true)}
          onFind={openFind}
        />
      )}
      {text && <Notice tone="busy">{text}</Notice>}
      <div className={css.body}>
        {editor && find.open && (
          <FindBar editor={editor} asked={find.asked} onClose={() => setFind(({ asked }) => ({ open: false, asked }))} />
        )}
        <div ref={scroller} className={css.scroller}>
          <div ref={mount} className={css.page} />
          {editor && (
            <>
              <LinkBubble editor={editor} editing={linking && writable} onEditing={setLinking} />
              <ImageBubble editor={editor} />
              <TableBubble editor={editor} />
              <SlashMenu editor={editor} blocks={blocks} keys={slashKeys} />
            </>
          )}
        </div>
      </div>
      <input
        ref={files}
        type="file"
        accept="image/*"
        multiple
        hidden
        onChange={({ target }) => {
          const list = Array.from(target.files ?? []);
          target.value = "";
          void putImages(editor, list);
        }}
      />
    </div>
  );
}

async function putImages(editor: Editor | null, list: readonly File[], at?: number): Promise<void> {
  if (list.some(({ size }) => size > largeFile)) toast(rich.imagePutting);
  for (const file of list) {
    try {
      const src = await toDataAddress(file);
      if (!editor || editor.isDestroyed || !editor.isEditable) return;
      const alt = file.name.replace(/\.\w+$/, "").replace(/^image$/i, "");
      const image = { type: "image", attrs: { src, alt: alt || null } };
      const place = at === undefined ? null : Math.min(at, editor.state.doc.content.size);
      if (place === null) editor.chain().focus().insertContent(image).run();
      else editor.chain().focus().insertContentAt(place, image).run();
    } catch (error) {
      toastError(error);
    }
  }
}

/** Takes long enough to be worth a word. */
const largeFile = 4 * 1024 * 1024;
