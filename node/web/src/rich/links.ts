// Addresses that may be linked to.

const safe = ["http:", "https:", "mailto:", "tel:"];

/** True for an absolute address of a protocol that runs nothing in the page. */
export function isLinkable(address: string): boolean {
  try {
    return safe.includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

/** What somebody typed as an address that can be linked to; null: it is none. */
export function toAddress(typed: string): string | null {
  const text = typed.trim();
  if (!text || /\s/.test(text)) return null;
  const hasPort = /^([^:/]*\.[^:/]+|localhost):\d/i.test(text);
  if (!hasPort && /^[a-z][a-z0-9+.-]*:/i.test(text)) return isLinkable(text) ? text : null;
  if (/^[^@/]+@[^@/]+\.[^@/]+$/.test(text)) return `mailto:${text}`;
  const host = /^[^/?#]+/.exec(text)?.[0] ?? "";
  const guess = `https://${text}`;
  return /\.|^localhost/.test(host) && isLinkable(guess) ? guess : null;
}
