import { useSyncExternalStore } from "react";

const subscribe = (changed: () => void) => {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
};

export const useHash = (): string => useSyncExternalStore(subscribe, () => location.hash);

/** Another address for what is shown already: no step to go back to. */
export function replaceHash(hash: string): void {
  history.replaceState(history.state, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
