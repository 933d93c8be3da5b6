import { useEffect, useSyncExternalStore } from "react";

import css from "./kit.module.css";

interface Toast {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}

const shownForMs = 6000;
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

const dismiss = (id: number) => set(toasts.filter((one) => one.id !== id));

/** Says something that passes by itself: what was done, perhaps with a way to undo it. */
export function toast(text: string, action?: Toast["action"]): void {
  set([...toasts.slice(-2), { id: nextId++, text, ...(action ? { action } : {}) }]);
}

/** What a promise of the node failed with, in its own words. */
export const toastError = (error: unknown) => toast(error instanceof Error ? error.message : String(error));

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** Once in the page. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className={css.toasts} role="status" aria-live="polite">
      {shown.map((one) => (
        <ToastLine key={one.id} toast={one} />
      ))}
    </div>
  );
}

function ToastLine({ toast: { id, text, action } }: { toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(id), shownForMs);
    return () => clearTimeout(timer);
  }, [id]);
  return (
    <div className={css.toast}>
      {text}
      {action && (
        <button
          type="button"
          onClick={() => {
            dismiss(id);
            action.run();
          }}
        >
          {action.label}
        </button>
      )}
    </div>
  );
}
