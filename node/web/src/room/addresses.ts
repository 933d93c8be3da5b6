// Where a document's events are, and when to try again.

const retryFirstMs = 250;
const retryMaxMs = 10_000;

/** When to try again after so many failures in a row: later each time, and not all at once. */
export function retryDelay(failures: number, random: () => number = Math.random): number {
  const most = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(failures, 16));
  return most / 2 + (random() * most) / 2;
}

function addressOf(what: string, page: string, document: string, query: Record<string, string>): URL {
  const url = new URL(`v1/documents/${encodeURIComponent(document)}/${what}`, page);
  url.hash = "";
  // To the node a "+" is one; in forms it would be a space.
  url.search = new URLSearchParams(query).toString().replaceAll("+", "%20");
  return url;
}

/** The WebSocket of a document's events, for the page at `page`. `more` goes into the query. */
export function eventsUrl(page: string, workspace: string, document: string, more: Record<string, string> = {}): string {
  const url = addressOf("events", page, document, { workspace, ...more });
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** The same as server-sent events. An EventSource has no headers, so the query says all. */
export const streamUrl = (page: string, workspace: string, document: string, more: Record<string, string>): string =>
  addressOf("stream", page, document, { workspace, ...more }).href;
