// What the palette and shortcuts can do: parts of the page say what they offer while they are shown.

import { useEffect } from "react";

import { allCommands, type Command, offer, type Part } from "./offered";

/** Offers `commands` while the component is shown. They should be memoised. */
export function useCommands(part: Part, commands: readonly Command[]): void {
  useEffect(() => offer(part, commands), [part, commands]);
}

const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** "Mod+Shift+H" as a keyboard has it: "Ctrl+Shift+H", or "⇧⌘H". */
export function keysText(keys: string): string {
  if (!mac) return keys.replace("Mod", "Ctrl");
  const signs: Record<string, string> = { Mod: "⌘", Shift: "⇧", Alt: "⌥" };
  return keys.split("+").map((key) => signs[key] ?? key).join("");
}

export function matches(event: KeyboardEvent, keys: string): boolean {
  const parts = keys.split("+");
  const key = parts.at(-1) ?? "";
  const mod = mac ? event.metaKey : event.ctrlKey;
  const otherMod = mac ? event.ctrlKey : event.metaKey;
  return (
    mod === parts.includes("Mod") &&
    !otherMod &&
    event.shiftKey === parts.includes("Shift") &&
    event.altKey === parts.includes("Alt") &&
    // With Alt or Shift a layout may make another letter of it.
    (event.key.toLowerCase() === key.toLowerCase() || event.code === `Key${key.toUpperCase()}`)
  );
}

/** Runs what is pressed, before an editor takes the keys. */
export function listenForKeys(): () => void {
  const onKey = (event: KeyboardEvent) => {
    const command = allCommands().find(({ keys }) => keys !== undefined && matches(event, keys));
    if (!command) return;
    event.preventDefault();
    event.stopPropagation();
    command.run();
  };
  addEventListener("keydown", onKey, { capture: true });
  return () => removeEventListener("keydown", onKey, { capture: true });
}
