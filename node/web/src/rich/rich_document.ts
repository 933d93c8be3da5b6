// The editor of one session: made, and made anew when what it may do with the document changes. It is
// bound to the document for writing, or only shows it (mirror.ts).

import { Editor, type Extensions } from "@tiptap/core";
import { Collaboration } from "@tiptap/extension-collaboration";
import { Placeholder, Selection } from "@tiptap/extensions";
import { type ProsemirrorBinding, ySyncPluginKey } from "@tiptap/y-tiptap";
import { type Transaction, type XmlFragment, XmlText } from "yjs";

import type { Anchor } from "../editor/handle";
import { rich } from "../strings/rich";
import type { Session } from "../sync";
import { anchorsExtension, anchorsKey } from "./anchors";
import { carets } from "./carets";
import { contentExtensions } from "./content";
import { emptyBlocks } from "./empty_blocks";
import { FindExtension } from "./find";
import { LongDocuments } from "./groups";
import { type Attributes, type Findings, giveParagraphs, inspect, inspectChange, type Trouble } from "./inspect";
import { keepAttributes, merged } from "./kept_attributes";
import { KeptMapping } from "./kept_mapping";
import { makeLean } from "./lean_binding";
import { mirror, unknownNodes } from "./mirror";
import { isScreenplay, setScreenplay } from "./screenplay_extension";
import { schemaOf } from "./schema";
import { RemoteChanges, RoomBelow, ShowUndone, WayOut } from "./writing";

/** The root type that TipTap binds by default; other Yjs clients must use the same. */
export const richRoot = "default";

/** Where people agree about how a document is shown: a map of this name beside the text. */
export const settingsRoot = "settings";

/** After changes have rested for so long, a document that could not be edited is looked at again. */
const lookAgainMs = 500;

export interface RichView {
  /** Null for the moment in which it is made anew. */
  editor: Editor | null;
  trouble: Trouble | null;
  /** It may be typed into. */
  writable: boolean;
  screenplay: boolean;
}

export interface RichOptions {
  element: HTMLElement;
  /** What belongs to the page around: menus, files. */
  extensions: Extensions;
  onAnchor: (id: string) => void;
  /** Of the template that the document was made from. */
  screenplayByDefault: boolean;
}

const bindingOf = (editor: Editor) => (ySyncPluginKey.getState(editor.state) as { binding: ProsemirrorBinding }).binding;

export class RichDocument {
  readonly fragment: XmlFragment;

  private editor: Editor | null = null;
  private mapping: KeptMapping | null = null;
  private trouble: Trouble | null = null;
  /** Attributes of other editors, which the schema was given. */
  private kept: Attributes = new Map();
  private schema = schemaOf(this.kept);
  private allowed = false;
  private closed = false;
  private anchors: readonly Anchor[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private view_: RichView = { editor: null, trouble: null, writable: false, screenplay: false };
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly session: Session,
    private readonly options: RichOptions,
  ) {
    this.fragment = session.doc.getXmlFragment(richRoot);
    this.start();
    session.doc.on("beforeObserverCalls", this.onChange);
    session.doc.on("afterTransaction", this.onShown);
    session.doc.getMap(settingsRoot).observe(this.onSettings);
  }

  /** Shape of useSyncExternalStore. */
  readonly view = (): RichView => this.view_;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  /** Whether this person may write, and the content has arrived. */
  allow(allowed: boolean): void {
    if (allowed === this.allowed) return;
    this.allowed = allowed;
    this.restart();
  }

  setAnchors(anchors: readonly Anchor[]): void {
    this.anchors = anchors;
    const { editor } = this;
    if (editor) editor.view.dispatch(editor.state.tr.setMeta(anchorsKey, anchors));
  }

  setScreenplay(on: boolean): void {
    this.session.doc.getMap(settingsRoot).set("layout", on ? "screenplay" : "plain");
  }

  close(): void {
    this.closed = true;
    this.session.doc.off("beforeObserverCalls", this.onChange);
    this.session.doc.off("afterTransaction", this.onShown);
    this.session.doc.getMap(settingsRoot).unobserve(this.onSettings);
    this.stop();
    this.listeners.clear();
  }

  private get screenplay(): boolean {
    const layout = this.session.doc.getMap(settingsRoot).get("layout");
    return typeof layout === "string" ? layout === "screenplay" : this.options.screenplayByDefault;
  }

  private readonly onSettings = (): void => {
    if (this.editor && isScreenplay(this.editor) !== this.screenplay) setScreenplay(this.editor, this.screenplay);
    this.changed();
  };

  private changed(): void {
    const { editor, trouble, screenplay } = this;
    this.view_ = { editor, trouble, writable: editor?.isEditable === true, screenplay };
    for (const listener of this.listeners) listener();
  }

  /** False: it cannot be bound as it is. */
  private accept({ trouble, unknown, headless }: Findings): boolean {
    if (headless.length > 0) this.session.doc.transact(() => giveParagraphs(headless));
    if (unknown.size > 0) {
      this.kept = merged(this.kept, unknown);
      this.schema = schemaOf(this.kept);
    }
    this.trouble = trouble;
    return trouble === null && unknown.size === 0;
  }

  /** Before the binding sees the change. */
  private readonly onChange = (transaction: Transaction): void => {
    if (transaction.origin === ySyncPluginKey) return this.complete(transaction);
    if (this.editor?.isEditable) {
      if (!this.accept(inspectChange(this.fragment, this.schema, transaction))) this.restart();
    } else if (this.trouble) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        if (inspect(this.fragment, this.schema).trouble === null) this.restart();
      }, lookAgainMs);
    }
  };

  /** After the binding's own change. It is still busy with that, so it takes no notice of this. */
  private complete(transaction: Transaction): void {
    const empty = emptyBlocks(this.fragment, this.schema, transaction);
    if (empty.length === 0) return;
    // As the binding, so that undo takes it back with the block that it is in.
    this.session.doc.transact(() => {
      for (const block of empty) block.insert(0, [new XmlText()]);
    }, ySyncPluginKey);
  }

  /**
   * After the binding has written a change, or shown one of others. If it could not show it (because of
   * a caret that it could not put back, say), it would write what it shows instead with the next letter.
   */
  private readonly onShown = (transaction: Transaction): void => {
    if (!this.editor?.isEditable || !transaction.changedParentTypes.has(this.fragment as never)) return;
    const shown = this.mapping?.check(this.fragment, this.editor.state.doc, transaction);
    if (shown === false && transaction.origin !== ySyncPluginKey) this.draw();
  };

  private draw(): void {
    const { editor, mapping } = this;
    if (!editor || !mapping) return;
    mapping.whileDrawing(() => bindingOf(editor)._forceRerender());
    mapping.check(this.fragment, editor.state.doc);
  }

  private restart(): void {
    // At once: an editor that is there may write.
    this.stop();
    queueMicrotask(() => {
      if (!this.closed && !this.editor) this.start();
    });
  }

  private stop(): void {
    clearTimeout(this.timer);
    const { editor } = this;
    this.editor = null;
    this.mapping = null;
    this.changed();
    editor?.destroy();
  }

  private binding(mapping: KeptMapping) {
    // Undoing that a block was made must not take away what others wrote into it since.
    const protectedNodes = new Set(Object.keys(this.schema.nodes));
    return Collaboration.configure({
      fragment: this.fragment,
      ySyncOptions: { mapping },
      yUndoOptions: { protectedNodes },
    });
  }

  private start(): void {
    const findings = inspect(this.fragment, this.schema);
    // Who may not write puts nothing right, either.
    this.accept(this.allowed ? findings : { ...findings, headless: [] });
    const writable = this.allowed && this.trouble === null;
    const { element, extensions, onAnchor } = this.options;
    const mapping = new KeptMapping();
    this.editor = new Editor({
      element,
      editable: writable,
      // The page's own style sheet has what this would add.
      injectCSS: false,
      // It looks at the whole document after each change, for listeners that are not there.
      enableCoreExtensions: { delete: false },
      extensions: [
        ...contentExtensions(),
        keepAttributes(this.kept),
        ...(writable ? [this.binding(mapping), RemoteChanges, ShowUndone, RoomBelow] : [...unknownNodes, mirror(this.fragment)]),
        carets(this.session.awareness),
        anchorsExtension(onAnchor),
        FindExtension,
        Selection.configure({ className: "kept-selection" }),
        Placeholder.configure({
          placeholder: () => (this.screenplay ? rich.screenplayPlaceholder : rich.placeholder),
        }),
        LongDocuments,
        WayOut,
        ...extensions,
      ],
      editorProps: {
        attributes: {
          role: "textbox",
          "aria-multiline": "true",
          "aria-label": rich.text,
          "aria-description": rich.textKeys,
          ...(writable ? {} : { "aria-readonly": "true", tabindex: "0" }),
        },
      },
    });
    // React would walk through all of it at each of its commits, to put a selection back that is not its own.
    Object.defineProperty(this.editor.view.dom, "contentEditable", { value: "inherit" });
    if (writable) {
      this.mapping = mapping;
      makeLean(bindingOf(this.editor), mapping);
      this.draw(); // With a mapping of ours, the binding leaves that to us.
    }
    if (this.screenplay) setScreenplay(this.editor, true);
    if (this.anchors.length > 0) this.setAnchors(this.anchors);
    this.changed();
  }
}
