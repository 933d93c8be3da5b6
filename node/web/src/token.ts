// The token that this page shows to the node, where it has one: of a link that somebody was sent.
//
// It comes as ?token= and is taken out of the address at once, so that it is not copied along with a
// link to a document. A tab keeps it; the browser keeps it, too, for bridges that let nobody in
// without one (useRemembered()).

const key = "coterie.token";

function fromAddress(): string | null {
  const url = new URL(location.href);
  const token = url.searchParams.get("token");
  if (token === null) return null;
  url.searchParams.delete("token");
  history.replaceState(history.state, "", url);
  return token;
}

/** Private windows may refuse storage. */
function stored(storage: () => Storage): string | null {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

function store(storage: () => Storage, value: string): void {
  try {
    storage().setItem(key, value);
  } catch {
    // It lasts as long as the page, then.
  }
}

let current: string | null = null;

/** Once, before anything is asked of the node. */
export function loadToken(): void {
  const given = fromAddress();
  if (given !== null) {
    store(() => sessionStorage, given);
    store(() => localStorage, given);
  }
  current = given ?? stored(() => sessionStorage);
}

export const token = (): string | null => current;

/** After a refusal for want of a token: the one that this browser was given last. False: there is none. */
export function useRemembered(): boolean {
  if (current !== null) return false;
  current = stored(() => localStorage);
  if (current !== null) store(() => sessionStorage, current);
  return current !== null;
}

/** As parameters of a WebSocket's address, which can carry no header. */
export const tokenParameters = (): Record<string, string> => (current === null ? {} : { token: current });
