import { describe, expect, it } from "vitest";

import { cleanName, colors, gather, initials, nameCharactersMax, personFrom } from "../src/person";

describe("what others say about themselves", () => {
  it("is taken as it is when it makes sense", () => {
    const ada = { id: "3f", name: "Ada", color: "#1d4ed8" };
    expect(personFrom(ada, 7)).toEqual(ada);
  });

  it.each([undefined, null, 5, "x", {}, { id: 5, name: 5, color: 5 }, { id: "", name: " ", color: "red" }, { id: "a b" }])(
    "is replaced when it is %j",
    (user) => {
      expect(personFrom(user, 13)).toEqual({ id: "client-13", name: "Somebody", color: colors[3] });
    },
  );

  it("cannot smuggle a rule into the style sheet", () => {
    expect(personFrom({ color: "#ffffff; } body { display: none" }, 0).color).toBe(colors[0]);
  });
});

describe("windows", () => {
  const window = (clientId: number, id: string, more = {}) => ({
    ...{ id, name: id, color: "#1d4ed8", clientId, self: false, status: "active" as const, typing: false },
    ...more,
  });

  it("of one person are one, as active as any of them", () => {
    const people = gather([
      window(1, "ada", { status: "away" }),
      window(2, "alan", { typing: true }),
      window(3, "ada", { status: "idle", self: true }),
    ]);
    expect(people.map(({ id, status, self, typing, clients }) => [id, status, self, typing, clients])).toEqual([
      ["ada", "idle", true, false, [1, 3]],
      ["alan", "active", false, true, [2]],
    ]);
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
