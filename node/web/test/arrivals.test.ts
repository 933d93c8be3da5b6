import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Awareness, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import * as Y from "yjs";

import { Arrivals, mergeAwareness } from "../src/arrivals";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Somebody else's document, and what their typing sends. */
function writer() {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const type = (text: string) => {
    doc.getText("monaco").insert(doc.getText("monaco").length, text);
    return updates.at(-1) as Uint8Array;
  };
  return { doc, type };
}

function reader() {
  const doc = new Y.Doc();
  const awareness = new Awareness(doc);
  const arrivals = new Arrivals(doc, awareness, "the node");
  const seen: string[] = [];
  doc.on("update", (_update: Uint8Array, origin: unknown) => seen.push(String(origin)));
  return { doc, awareness, arrivals, seen, text: () => doc.getText("monaco").toString() };
}

describe("what arrives", () => {
  it("is taken in at once after a rest, and then many at a time", () => {
    const [{ type }, { arrivals, seen, text }] = [writer(), reader()];
    arrivals.update(type("a"));
    expect(text()).toBe("a");
    for (const letter of "bcd") arrivals.update(type(letter));
    expect(text()).toBe("a");
    vi.advanceTimersByTime(60);
    expect(text()).toBe("abcd");
    expect(seen).toEqual(["the node", "the node"]);
  });

  it("waits for the frame of a key, but not for ever", () => {
    const [{ type }, { arrivals, text }] = [writer(), reader()];
    arrivals.keyPressed();
    arrivals.update(type("a"));
    expect(text()).toBe("");
    vi.advanceTimersByTime(45);
    expect(text()).toBe("a");
    vi.advanceTimersByTime(1000);
    arrivals.keyPressed();
    arrivals.update(type("b"));
    for (let i = 0; i < 18; ++i) {
      vi.advanceTimersByTime(10);
      arrivals.keyPressed();
    }
    expect(text()).toBe("a");
    vi.advanceTimersByTime(25);
    expect(text()).toBe("ab");
  });

  it("is not local: it is not sent back", () => {
    const [{ type }, { doc, arrivals }] = [writer(), reader()];
    const local: boolean[] = [];
    doc.on("afterTransaction", (transaction: Y.Transaction) => local.push(transaction.local));
    arrivals.update(type("a"));
    expect(local).toEqual([false]);
  });

  it("may be nonsense without harm to the rest", () => {
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const [{ type }, { arrivals, text }] = [writer(), reader()];
    arrivals.update(type("a"));
    arrivals.update(Uint8Array.of(9, 9, 9));
    arrivals.update(type("b"));
    vi.advanceTimersByTime(60);
    expect(text()).toBe("ab");
    expect(complaint).toHaveBeenCalledOnce();
    complaint.mockRestore();
  });

  it("of people may be nonsense without harm to the rest", () => {
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const [{ doc, type }, { arrivals, awareness, text }] = [writer(), reader()];
    const other = new Awareness(doc);
    other.setLocalState({ x: 1 });
    arrivals.update(type("a"));
    // Cut off; and one client whose state is no JSON.
    for (const nonsense of [Uint8Array.of(3), Uint8Array.of(1, 7, 1, 1, 123)]) arrivals.awarenessUpdate(nonsense);
    arrivals.awarenessUpdate(encodeAwarenessUpdate(other, [doc.clientID]));
    arrivals.update(type("b"));
    vi.advanceTimersByTime(60);
    expect(awareness.getStates().get(doc.clientID)).toEqual({ x: 1 });
    expect(text()).toBe("ab");
    arrivals.update(type("c"));
    vi.advanceTimersByTime(60);
    expect(text()).toBe("abc");
    complaint.mockRestore();
    for (const each of [other, awareness]) each.destroy();
  });

  it("of people is forgotten with the connection, of the text it is not", () => {
    const [{ doc: theirs, type }, { arrivals, awareness, text }] = [writer(), reader()];
    const other = new Awareness(theirs);
    arrivals.update(type("a"));
    arrivals.update(type("b"));
    arrivals.awarenessUpdate(encodeAwarenessUpdate(other, [theirs.clientID]));
    arrivals.disconnected();
    vi.advanceTimersByTime(2000);
    expect(text()).toBe("ab");
    expect(awareness.getStates().has(theirs.clientID)).toBe(false);
    other.destroy();
  });
});

describe("mergeAwareness", () => {
  it("keeps the newest word of each", () => {
    const [one, two] = [new Awareness(new Y.Doc()), new Awareness(new Y.Doc())];
    const word = (of: Awareness) => encodeAwarenessUpdate(of, [of.clientID]);
    const updates: Uint8Array[] = [];
    for (const x of [1, 2]) {
      one.setLocalState({ x });
      updates.push(word(one));
    }
    two.setLocalState({ x: 3 });
    updates.unshift(word(two));
    updates.push(updates[1] as Uint8Array); // Late.
    removeAwarenessStates(two, [two.clientID], "gone");
    const { awareness, arrivals } = reader();
    let changes = 0;
    awareness.on("change", () => void (changes += 1));
    arrivals.awarenessUpdate(mergeAwareness(updates));
    expect(awareness.getStates().get(one.clientID)).toEqual({ x: 2 });
    expect(awareness.getStates().get(two.clientID)).toEqual({ x: 3 });
    arrivals.awarenessUpdate(mergeAwareness([...updates, encodeAwarenessUpdate(two, [two.clientID], new Map())]));
    vi.advanceTimersByTime(60);
    expect(awareness.getStates().has(two.clientID)).toBe(false);
    expect(changes).toBe(2);
    for (const each of [one, two, awareness]) each.destroy();
  });
});
