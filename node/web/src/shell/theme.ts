// Light or dark: the person's choice, or the system's.

export type ThemeChoice = "system" | "light" | "dark";

const key = "coterie.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function load(): ThemeChoice {
  try {
    const stored = localStorage.getItem(key);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

let choice = load();

function apply(): void {
  if (choice === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = choice;
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);
apply();

export const themeChoice = (): ThemeChoice => choice;
export const isDark = (): boolean => choice === "dark" || (choice === "system" && system.matches);

export function chooseTheme(next: ThemeChoice): void {
  choice = next;
  try {
    localStorage.setItem(key, next);
  } catch {
    // For this page, then.
  }
  apply();
}

/** Shape of useSyncExternalStore. */
export const subscribeTheme = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
