import { describe, expect, it } from "vitest";

import { cleanName, colors, initials, nameCharactersMax, personFrom } from "../src/person";

describe("what others say about themselves", () => {
  it("is taken as it is when it makes sense", () => {
    expect(personFrom({ name: "Ada", color: "#1d4ed8" }, 7)).toEqual({ name: "Ada", color: "#1d4ed8" });
  });

  it.each([undefined, null, 5, "x", {}, { name: 5, color: 5 }, { name: " ", color: "red" }])(
    "is replaced when it is %j",
    (user) => {
      expect(personFrom(user, 13)).toEqual({ name: "Somebody", color: colors[3] });
    },
  );

  it("cannot smuggle a rule into the style sheet", () => {
    expect(personFrom({ color: "#ffffff; } body { display: none" }, 0).color).toBe(colors[0]);
  });
});

describe("names", () => {
  it("are one visible line of limited length", () => {
    expect(cleanName("  Ada\n Love\u202elace\u0000 ")).toBe("Ada Love lace");
    expect(cleanName("\u200b")).toBe("");
    expect(Array.from(cleanName("😀".repeat(nameCharactersMax + 1)))).toHaveLength(nameCharactersMax);
  });

  it("are shortened to first and last initial", () => {
    expect(initials("ada")).toBe("A");
    expect(initials("Ada King Lovelace")).toBe("AL");
    expect(initials("😀 Otter")).toBe("😀O");
  });
});
