// Ids of guests that links are made for.

/** Ids of guests are short, and say to a host whose they are. */
export function guestId(name: string, random: () => number = Math.random): string {
  const readable = name
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 24);
  const tail = Array.from({ length: 6 }, () => Math.floor(random() * 36).toString(36)).join("");
  return `${readable || "guest"}-${tail}`;
}

/** The name in an id that guestId() made; null of others. */
export function nameInGuestId(id: string): string | null {
  const readable = /^([a-z0-9]+(?:-[a-z0-9]+)*)-[a-z0-9]{6}$/.exec(id)?.[1];
  if (readable === undefined) return null;
  return readable.split("-").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
}
