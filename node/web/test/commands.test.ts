import { describe, expect, it } from "vitest";

import { allCommands, offer } from "../src/shell/offered";

const command = (id: string) => ({ id, title: id, group: "", run: () => {} });
const shown = () => allCommands().map(({ id }) => id);

describe("commands", () => {
  it("have one order, whichever part of the page comes first", () => {
    const ends = [offer("palette", [command("d")]), offer("comments", [command("c")]), offer("document", [command("a"), command("b")])];
    expect(shown()).toEqual(["a", "b", "c", "d"]);
    ends[1]?.();
    expect(shown()).toEqual(["a", "b", "d"]);
    // Offered anew, as when what they work with changes.
    ends.push(offer("comments", [command("c")]));
    expect(shown()).toEqual(["a", "b", "c", "d"]);
    for (const end of ends) end();
    expect(shown()).toEqual([]);
  });
});
