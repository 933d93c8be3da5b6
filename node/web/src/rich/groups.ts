// The blocks of a long document, laid out and painted in groups, of which only those in view are.
//
// At each key a browser goes over all blocks that stand side by side in one element, to lay them out and
// to paint them: of ten thousand, for a tenth of a second. ProseMirror needs them side by side. So they
// are given a shadow tree, in which they are grouped by slots: what is shown is a hundred groups, while
// the document that ProseMirror and the keyboard see stays as it was.

import { Extension } from "@tiptap/core";
import { Plugin } from "@tiptap/pm/state";

/** With fewer blocks there is nothing to gain. */
const longFrom = 300;
const groupSize = 64;
/** Of a block that was not laid out yet, in pixels: for the scroll bar. */
const likelyHeight = 64;

/**
 * Slots, and nothing around them: browsers would take that for a border which no selection crosses. The
 * first and the last are always laid out, for the keys that go to the beginning and the end. Names at
 * carets stand out above and to the right.
 */
const look = `
  slot { display: block; overflow-clip-margin: 200px; }
  slot:not(:first-of-type, :last-of-type) { content-visibility: auto; }
`;

interface Group {
  slot: HTMLSlotElement;
  members: readonly Element[];
}

/**
 * Puts `children` in their order into groups, each into that which it is in already if that keeps the
 * order, so that a change is one of few groups.
 */
export function regroup<Member>(children: Iterable<Member>, before: readonly (readonly Member[])[], size: number): Member[][] {
  const groupOf = new Map<Member, number>();
  for (const [i, group] of before.entries()) for (const member of group) groupOf.set(member, i);
  const groups: Member[][] = before.map(() => []);
  let at = 0;
  for (const child of children) {
    at = Math.max(at, groupOf.get(child) ?? 0);
    (groups[at] ??= []).push(child);
  }
  return groups
    .filter((group) => group.length > 0)
    .flatMap((group) =>
      group.length <= 2 * size
        ? [group]
        : Array.from({ length: Math.ceil(group.length / size) }, (_, i) => group.slice(i * size, (i + 1) * size)),
    );
}

/** Chromium. Whether others select across slots as across blocks was not tried. */
const able = "EditContext" in globalThis && CSS.supports("content-visibility", "auto");

class Groups {
  private root: ShadowRoot | null = null;
  private groups: Group[] = [];
  private readonly observer = new MutationObserver(() => this.arrange());

  constructor(private readonly dom: HTMLElement) {
    this.observer.observe(dom, { childList: true });
    this.arrange();
  }

  /** Before anything is measured: a block that is in no slot is nowhere. */
  update(): void {
    if (this.observer.takeRecords().length > 0) this.arrange();
  }

  destroy(): void {
    this.observer.disconnect();
  }

  private arrange(): void {
    const { dom } = this;
    // Once there, a shadow tree stays.
    if (!this.root && dom.childElementCount < longFrom) return;
    this.root ??= this.attach();
    const wanted = regroup(dom.children, this.groups.map(({ members }) => members), groupSize);
    const free = new Map(this.groups.map((group) => [group.members[0], group]));
    let last: Element | null = this.root.firstElementChild;
    this.groups = wanted.map((members) => {
      const group = free.get(members[0]) ?? { slot: document.createElement("slot"), members: [] };
      const { slot } = group;
      free.delete(members[0]);
      if (last?.nextElementSibling !== slot) last?.after(slot);
      last = slot;
      if (members.length === group.members.length && members.every((one, i) => one === group.members[i])) return group;
      slot.assign(...members);
      slot.style.containIntrinsicBlockSize = `auto ${members.length * likelyHeight}px`;
      return { slot, members };
    });
    for (const { slot } of free.values()) slot.remove();
  }

  private attach(): ShadowRoot {
    const root = this.dom.attachShadow({ mode: "closed", slotAssignment: "manual" });
    const style = document.createElement("style");
    style.textContent = look;
    root.append(style);
    return root;
  }
}

export const LongDocuments = Extension.create({
  name: "longDocuments",
  // Before other plugins measure.
  priority: 10_000,
  addProseMirrorPlugins: () => (able ? [new Plugin({ view: ({ dom }) => new Groups(dom) })] : []),
});
