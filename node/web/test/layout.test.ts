import { describe, expect, it } from "vitest";

import { type CardSize, layoutCards } from "../src/room/layout";
import { neighbour } from "../src/room/order";

const card = (id: string, top: number, height = 100): CardSize => ({ id, top, height });
const tops = (cards: CardSize[], fixed: string | null = null) => Object.fromEntries(layoutCards(cards, fixed, 10));

describe("cards in the margin", () => {
  it("stand beside their texts where there is room", () => {
    expect(tops([card("a", 0), card("b", 300)])).toEqual({ a: 0, b: 300 });
  });

  it("are pushed down by those above them", () => {
    expect(tops([card("b", 20), card("a", 0), card("c", 400)])).toEqual({ a: 0, b: 110, c: 400 });
    expect(tops([card("a", 50), card("b", 50)])).toEqual({ a: 50, b: 160 });
  });

  it("make room for the one that is looked at", () => {
    const cards = [card("a", 0), card("b", 20), card("c", 40), card("d", 60)];
    expect(tops(cards, "c")).toEqual({ a: -180, b: -70, c: 40, d: 150 });
    expect(tops(cards, "gone")).toEqual(tops(cards));
  });

  it("never overlap, whichever is looked at", () => {
    let seed = 7;
    const random = (max: number) => (seed = (seed * 16_807) % 2_147_483_647) % max;
    for (let round = 0; round < 200; round++) {
      const cards = Array.from({ length: 1 + random(8) }, (_, at) => card(`c${at}`, random(600), 20 + random(200)));
      const fixed = cards[random(cards.length)] as CardSize;
      const placed = layoutCards(cards, fixed.id, 8);
      expect(placed.get(fixed.id)).toBe(fixed.top);
      const inOrder = cards.map(({ id, height }) => ({ top: placed.get(id) as number, height })).sort((a, b) => a.top - b.top);
      for (const [at, { top }] of inOrder.entries()) {
        const before = inOrder[at - 1];
        if (before) expect(top).toBeGreaterThanOrEqual(before.top + before.height + 8);
      }
    }
  });

  it("are gone through in a circle", () => {
    const ids = ["a", "b", "c"];
    expect([neighbour(ids, null, 1), neighbour(ids, "c", 1), neighbour(ids, "a", -1), neighbour(ids, null, -1)]).toEqual(["a", "a", "c", "c"]);
    expect(neighbour([], "a", 1)).toBeNull();
  });
});
