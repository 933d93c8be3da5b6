import { describe, expect, it } from "vitest";
import * as Y from "yjs";

import { isRelativePosition } from "../src/editor/cursors";

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
