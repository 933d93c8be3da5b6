// Where cards stand in the margin: as near to their text as the others let them.

export interface CardSize {
  id: string;
  /** Where its text is, in pixels. */
  top: number;
  height: number;
}

export const cardGap = 8;

/**
 * The top of each card, so that none overlap and they keep the order of their texts. `fixed` stands
 * beside its text; those above are pushed up, those below down.
 */
export function layoutCards(cards: readonly CardSize[], fixed: string | null, gap = cardGap): Map<string, number> {
  const sorted = cards.map((card, at) => ({ card, at })).sort((a, b) => a.card.top - b.card.top || a.at - b.at);
  const tops = new Map<string, number>();
  const pivot = Math.max(
    sorted.findIndex(({ card }) => card.id === fixed),
    0,
  );
  let below = -Infinity;
  for (const { card } of sorted.slice(pivot)) {
    const top = Math.max(card.top, below);
    tops.set(card.id, top);
    below = top + card.height + gap;
  }
  let above = sorted[pivot] ? sorted[pivot].card.top - gap : Infinity;
  for (const { card } of sorted.slice(0, pivot).reverse()) {
    const top = Math.min(card.top, above - card.height);
    tops.set(card.id, top);
    above = top - gap;
  }
  return tops;
}
