// Shortcuts as people of this machine read them.

const onMac = typeof navigator !== "undefined" && /Mac|iP(hone|ad|od)/.test(navigator.platform);

/** "Mod-Shift-8" as "Ctrl+Shift+8", or as "⇧⌘8" on a Mac. */
export function shownKeys(keys: string, mac = onMac): string {
  const parts = keys.split("-");
  const key = parts.pop() ?? "";
  if (!mac) return [...parts.map((part) => (part === "Mod" ? "Ctrl" : part)), key].join("+");
  const signs: Record<string, string> = { Ctrl: "⌃", Alt: "⌥", Shift: "⇧", Mod: "⌘" };
  return Object.keys(signs).filter((part) => parts.includes(part)).map((part) => signs[part]).join("") + key;
}
