import { describe, expect, it } from "vitest";

import { mostOf } from "../src/shell/access";

describe("what a token lets its bearer do at most", () => {
  it("is what it says", () => {
    expect(mostOf({ role: "viewer", sub: "ann-1" })).toBe("viewer");
    expect(mostOf({ role: "editor", docs: ["a"] })).toBe("editor");
    expect(mostOf({ role: "host", ws: "a" })).toBe("host");
  });
  it("but guests, and who was given documents, share nothing", () => {
    expect(mostOf({ role: "host", sub: "ann-1", ws: "a" })).toBe("editor");
    expect(mostOf({ role: "host", ws: "a", docs: ["b"] })).toBe("editor");
  });
});
