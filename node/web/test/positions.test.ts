import { describe, expect, it } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import { cursorOf, isRelativePosition } from "../src/editor/positions";

describe("isRelativePosition", () => {
  it("accepts what Yjs writes", () => {
    const text = new Y.Doc().getText("monaco");
    for (const content of ["", "hello"]) {
      text.insert(0, content);
      for (const index of [0, text.length]) {
        const position = Y.createRelativePositionFromTypeIndex(text, index);
        expect(isRelativePosition(JSON.parse(JSON.stringify(position)))).toBe(true);
      }
    }
  });

  it.each([undefined, null, 5, "x", { item: 5 }, { item: { client: "a", clock: 1 } }, { type: {} }, { tname: 5 }])(
    "refuses %j",
    (value) => {
      expect(isRelativePosition(value)).toBe(false);
    },
  );
});

describe("cursorOf", () => {
  const doc = new Y.Doc();
  const text = doc.getText("monaco");
  text.insert(0, "hello");
  const awareness = new Awareness(doc);
  const session = { awareness, doc, text };
  const show = (head: unknown) => awareness.setLocalState({ selection: { anchor: head, head } });

  it("goes with the text", () => {
    show(JSON.parse(JSON.stringify(Y.createRelativePositionFromTypeIndex(text, 2))));
    text.insert(0, "oh, ");
    expect(cursorOf(session, doc.clientID)).toBe(6);
  });

  it("is nowhere in another text, in nonsense, and of nobody", () => {
    show(JSON.parse(JSON.stringify(Y.createRelativePositionFromTypeIndex(doc.getText("other"), 0))));
    expect(cursorOf(session, doc.clientID)).toBe(null);
    show({ item: "x" });
    expect(cursorOf(session, doc.clientID)).toBe(null);
    expect(cursorOf(session, doc.clientID + 1)).toBe(null);
  });
});
