// Whether a document can be edited here without losing anything of it.
//
// The binding between ProseMirror and Yjs deletes what does not fit ProseMirror's schema: elements and
// marks that another editor knows, attributes of elements, text where none is expected. So everything is
// looked at before the binding sees it. Attributes that are unknown are only taken note of: the schema
// can be given them (kept_attributes.ts).

import type { ContentMatch, NodeType, Schema } from "@tiptap/pm/model";
import * as Y from "yjs";

export interface Trouble {
  kind: "element" | "mark" | "content";
  name: string;
}

/** Attribute names by the name of the node or mark that has them. */
export type Attributes = ReadonlyMap<string, ReadonlySet<string>>;

export interface Findings {
  trouble: Trouble | null;
  /** Attributes that the schema does not have. */
  unknown: Map<string, Set<string>>;
  /** Elements that lack a paragraph in front: what concurrent edits of a list can leave. */
  headless: Y.XmlElement[];
}

export type Shared = Y.XmlFragment | Y.XmlElement | Y.XmlText;

/** What y-tiptap calls a mark in Yjs: "--" and a hash are added where a mark can be there twice. */
export const markName = (key: string): string => /^(.*)--[a-zA-Z0-9+/=]{8}$/.exec(key)?.[1] ?? key;

export interface TextPart {
  insert: unknown;
  attributes?: Record<string, unknown>;
}

export const partsOf = (text: Y.XmlText): TextPart[] => text.toDelta() as TextPart[];

export const describe = (value: unknown): string => {
  if (value instanceof Y.XmlHook) return value.hookName;
  if (value instanceof Y.XmlElement) return value.nodeName;
  return value instanceof Y.XmlText ? "text" : "embed";
};

const everything = () => true;

class Inspection implements Findings {
  trouble: Trouble | null = null;
  readonly unknown = new Map<string, Set<string>>();
  readonly headless: Y.XmlElement[] = [];

  constructor(private readonly schema: Schema) {}

  report(kind: Trouble["kind"], name: string): void {
    this.trouble ??= { kind, name };
  }

  /** Looks into those of its elements that are `fresh`, too. */
  container(type: Y.XmlFragment, nodeType: NodeType, fresh: (item: Y.Item | null) => boolean): void {
    let match: ContentMatch | null = nodeType.contentMatch;
    let fits = true;
    for (const child of type.toArray() as unknown[]) {
      const childType = this.child(child, nodeType, fresh);
      if (!childType) continue;
      const next: ContentMatch | null = match?.matchType(childType) ?? null;
      if (!next) fits = false;
      match = next;
    }
    if (fits && match?.validEnd) return;
    const paragraph = this.schema.nodes["paragraph"];
    if (type instanceof Y.XmlElement && paragraph && this.fitsBehind(type, nodeType, paragraph)) this.headless.push(type);
    // Without anything in it, it is what the deletions of two people leave of a list or table.
    else if (holdsAnything(type)) this.report("content", nodeType.name);
  }

  /** Null: it takes no place. */
  private child(child: unknown, parent: NodeType, fresh: (item: Y.Item | null) => boolean): NodeType | null {
    if (child instanceof Y.XmlText) {
      if (fresh(child._item)) this.text(child, parent);
      return child.length > 0 ? (this.schema.nodes["text"] ?? null) : null;
    }
    const type = child instanceof Y.XmlElement ? this.schema.nodes[child.nodeName] : undefined;
    if (!(child instanceof Y.XmlElement) || !type) {
      this.report("element", describe(child));
      return null;
    }
    if (fresh(child._item)) this.element(child, type, everything);
    return type;
  }

  element(element: Y.XmlElement, type: NodeType, fresh: (item: Y.Item | null) => boolean): void {
    this.attributes(type.name, Object.keys(element.getAttributes()), Object.keys(type.spec.attrs ?? {}));
    this.container(element, type, fresh);
  }

  text(text: Y.XmlText, parent: NodeType | null): void {
    for (const { insert, attributes = {} } of partsOf(text)) {
      if (typeof insert !== "string") this.report("element", describe(insert));
      for (const [key, value] of Object.entries(attributes)) {
        const name = markName(key);
        const type = this.schema.marks[name];
        if (!type) this.report("mark", name);
        else if (parent && !parent.allowsMarkType(type)) this.report("content", parent.name);
        else if (typeof value === "object" && value) this.attributes(name, Object.keys(value), Object.keys(type.spec.attrs ?? {}));
      }
    }
  }

  attributes(owner: string, names: string[], known: string[]): void {
    for (const name of names) {
      // A mark of y-prosemirror's for versions; the binding leaves it alone.
      if (known.includes(name) || name === "ychange") continue;
      const of = this.unknown.get(owner) ?? new Set<string>();
      this.unknown.set(owner, of.add(name));
    }
  }

  private fitsBehind(type: Y.XmlElement, nodeType: NodeType, paragraph: NodeType): boolean {
    let match = nodeType.contentMatch.matchType(paragraph);
    for (const child of type.toArray() as unknown[]) {
      const childType = child instanceof Y.XmlElement ? this.schema.nodes[child.nodeName] : undefined;
      match = (childType && match?.matchType(childType)) ?? null;
    }
    return type.length > 0 && match?.validEnd === true;
  }
}

function holdsAnything(type: Y.XmlFragment): boolean {
  return (type.toArray() as unknown[]).some((child) => {
    if (child instanceof Y.XmlText) return child.length > 0;
    if (!(child instanceof Y.XmlElement)) return true;
    // An image, say: it is its attributes.
    return holdsAnything(child) || (child.length === 0 && "src" in child.getAttributes());
  });
}

/** Looks at all of `fragment`. */
export function inspect(fragment: Y.XmlFragment, schema: Schema): Findings {
  const inspection = new Inspection(schema);
  inspection.container(fragment, schema.topNodeType, everything);
  return inspection;
}

/** Looks at what of `fragment` a transaction changed. */
export function inspectChange(fragment: Y.XmlFragment, schema: Schema, transaction: Y.Transaction): Findings {
  const inspection = new Inspection(schema);
  const fresh = (item: Y.Item | null) =>
    item !== null && item.id.clock >= (transaction.beforeState.get(item.id.client) ?? 0);
  for (const type of transaction.changed.keys()) {
    const shared = type as unknown as Y.AbstractType<unknown>;
    if (shared === (fragment as unknown)) {
      inspection.container(fragment, schema.topNodeType, fresh);
      continue;
    }
    const item = shared._item;
    if (!item || item.deleted || !Y.isParentOf(fragment, item)) continue;
    if (shared instanceof Y.XmlText) {
      const parent = shared.parent;
      const parentType = parent instanceof Y.XmlElement ? schema.nodes[parent.nodeName] : undefined;
      inspection.text(shared, parentType ?? null);
      // It may have been empty until now, and then counted for nothing.
      if (parent instanceof Y.XmlElement && parentType) inspection.container(parent, parentType, () => false);
    } else if (shared instanceof Y.XmlElement) {
      const nodeType = schema.nodes[shared.nodeName];
      if (nodeType) inspection.element(shared, nodeType, fresh);
      else inspection.report("element", shared.nodeName);
    }
  }
  return inspection;
}

/** Gives each what it lacks, in place of its deletion by the binding. */
export function giveParagraphs(elements: readonly Y.XmlElement[]): void {
  for (const element of elements) element.insert(0, [new Y.XmlElement("paragraph")]);
}
