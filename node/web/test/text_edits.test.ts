import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { type Edit, editsOf, endOf, movedCaret, movedEdge } from "../src/editor/text_edits";

/** A small generator of its own, so that a failure can be played again by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function change(text: Y.Text, pick: (below: number) => number): void {
  const at = pick(text.length + 1);
  if (pick(3) === 0 && at < text.length) text.delete(at, 1 + pick(Math.min(6, text.length - at)));
  else text.insert(at, "abcdefgh".slice(0, 1 + pick(5)) + (pick(4) === 0 ? "\n" : ""));
}

const sentence = "the quick brown fox jumps over the lazy dog";

/** A text with `sentence` in it, and what changes it; `edits` are those of that change. */
function changing(seed: number) {
  const pick = random(seed);
  const doc = new Y.Doc();
  const text = doc.getText("monaco");
  text.insert(0, sentence);
  const edits: Edit[] = [];
  text.observe(({ delta }) => void edits.push(...editsOf(delta)));
  const run = () =>
    doc.transact(() => {
      for (let i = 0; i < 6; ++i) change(text, pick);
    });
  return { doc, text, edits, run };
}

const apply = (text: string, edits: readonly Edit[]) =>
  edits.reduceRight((before, { from, to, text: put }) => before.slice(0, from) + put + before.slice(to), text);

describe("editsOf", () => {
  it("leads from the text before to the text after, by pieces that do not touch", () => {
    for (let seed = 1; seed <= 300; ++seed) {
      const { text, edits, run } = changing(seed);
      run();
      expect(apply(sentence, edits), `seed ${seed}`).toBe(text.toString());
      edits.forEach(({ from, to }, i) => {
        expect(to, `seed ${seed}`).toBeGreaterThanOrEqual(from);
        const next = edits[i + 1];
        if (next) expect(next.from, `seed ${seed}`).toBeGreaterThan(to);
      });
    }
  });

  it("leaves out what is no text", () => {
    expect(editsOf([{ retain: 2 }, { insert: { image: "x" } }, { insert: "a" }])).toEqual([{ from: 2, to: 2, text: "a" }]);
  });
});

describe("a place in a changed text", () => {
  it("is where Yjs has it, as long as its character is there", () => {
    for (let seed = 1; seed <= 300; ++seed) {
      const { doc, text, edits, run } = changing(seed);
      const places = Array.from({ length: text.length + 1 }, (_, index) => {
        const left = Y.createRelativePositionFromTypeIndex(text, index, -1);
        const right = Y.createRelativePositionFromTypeIndex(text, index, 0);
        return { index, left, right };
      });
      run();
      const gone = (index: number) => edits.some(({ from, to }) => from <= index && index < to);
      const at = (position: Y.RelativePosition) => Y.createAbsolutePositionFromRelativePosition(position, doc)?.index;
      for (const { index, left, right } of places) {
        if (!gone(index - 1)) {
          expect(movedCaret(index, edits), `seed ${seed}, after ${index - 1}`).toBe(at(left));
          expect(movedEdge(index, edits, "end"), `seed ${seed}, after ${index - 1}`).toBe(at(left));
        }
        if (!gone(index)) expect(movedEdge(index, edits, "start"), `seed ${seed}, before ${index}`).toBe(at(right));
      }
    }
  });

  it("is at the edge of what took the place of its character", () => {
    const edits = [{ from: 2, to: 6, text: "xyz" }];
    expect([2, 3, 6].map((place) => movedCaret(place, edits))).toEqual([2, 2, 2]);
    expect([2, 3, 6].map((place) => movedEdge(place, edits, "start"))).toEqual([5, 5, 5]);
  });
});

describe("the end of a change", () => {
  it("is behind what was put there, or where something was", () => {
    const [put, cut, both] = [{ from: 2, to: 2, text: "xyz" }, { from: 4, to: 9, text: "" }, { from: 20, to: 22, text: "a" }];
    expect([[], [put], [cut], [put, cut], [put, cut, both]].map(endOf)).toEqual([null, 5, 4, 7, 19]);
  });
});
