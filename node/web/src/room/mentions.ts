// Members that are named in a text, as "@name".

const typedName = /(?:^|[^\p{L}\p{N}_])@([^@\n]{0,40})$/u;

/** Members whose name begins with what is being typed after an "@" at the end of `text`. */
export function completions(text: string, names: readonly string[]): string[] {
  const typed = typedName.exec(text)?.[1];
  if (typed === undefined) return [];
  const begin = typed.toLowerCase();
  return names.filter((name) => name.toLowerCase().startsWith(begin) && name.toLowerCase() !== begin).slice(0, 6);
}

export const complete = (text: string, name: string) => text.replace(/@[^@\n]*$/u, () => `@${name} `);

/** The same where the caret is, with what stands behind it. */
export function completeAt(text: string, caret: number, name: string): { text: string; caret: number } {
  const before = complete(text.slice(0, caret), name);
  return { text: before + text.slice(caret).replace(/^ /, ""), caret: before.length };
}

interface Named {
  device: string;
  name: string;
}

/** The member that is named at the begin of `rest`, which stands behind an "@": the longest that fits. */
function namedAt(rest: string, longestFirst: readonly Named[]): Named | undefined {
  return longestFirst.find(({ name }) => rest.startsWith(name) && !/^[\p{L}\p{N}_]/u.test(rest.slice(name.length)));
}

const byLength = (members: readonly Named[]) =>
  members.filter(({ name }) => name).sort((a, b) => b.name.length - a.name.length);

const mentionSigns = (text: string) => text.matchAll(/(?<![\p{L}\p{N}_])@/gu);

/** The devices whose name stands in `text` as "@name", the longest name that fits. */
export function mentionsIn(text: string, members: readonly Named[]): string[] {
  const found = new Set<string>();
  const longestFirst = byLength(members);
  for (const { index } of mentionSigns(text)) {
    const member = namedAt(text.slice(index + 1), longestFirst);
    if (member) found.add(member.device);
  }
  return Array.from(found).slice(0, 32);
}

export type TextPart =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mention"; text: string; self: boolean };

// Not what ends a sentence, or closes a bracket that was opened before.
const link = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/giu;

/** `text` in parts, with the links and members that are in it. Other schemes than http(s) are no links. */
export function partsOf(text: string, members: readonly Named[], self: string | null): TextPart[] {
  const found: { from: number; to: number; part: TextPart }[] = [];
  for (const { 0: address, index } of text.matchAll(link)) {
    if (!URL.canParse(address)) continue;
    found.push({ from: index, to: index + address.length, part: { kind: "link", text: address, href: address } });
  }
  const longestFirst = byLength(members);
  for (const { index } of mentionSigns(text)) {
    const member = namedAt(text.slice(index + 1), longestFirst);
    if (!member || found.some(({ from, to }) => index >= from && index < to)) continue;
    const to = index + 1 + member.name.length;
    found.push({ from: index, to, part: { kind: "mention", text: text.slice(index, to), self: member.device === self } });
  }
  found.sort((a, b) => a.from - b.from);
  const parts: TextPart[] = [];
  let at = 0;
  for (const { from, to, part } of found) {
    if (from > at) parts.push({ kind: "text", text: text.slice(at, from) });
    parts.push(part);
    at = to;
  }
  if (at < text.length) parts.push({ kind: "text", text: text.slice(at) });
  return parts;
}
