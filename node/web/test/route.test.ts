import { describe, expect, it } from "vitest";

import { formatHome, formatRoute, parseFind, parseHome, parseRoute, pathBytesMax, pathProblem, splitPath, syncRoom, syncServer } from "../src/route";

describe("routes", () => {
  it.each(["todo.md", "notes/to do.md", "a/b/c", "100%.txt", "weiß/日本語.md", "what?/#1.md", "a+b&c=d"])(
    "brings %s back unchanged",
    (path) => {
      expect(parseRoute(formatRoute("demo team", path))).toEqual({ workspace: "demo team", path });
    },
  );

  it.each(["words", "two words + more", "what?", "a=b&find=c#d%"])("asks to go to %s", (find) => {
    const address = formatRoute("demo", "what?/a b.md", find);
    expect(parseRoute(address)).toEqual({ workspace: "demo", path: "what?/a b.md" });
    expect(parseFind(address)).toBe(find);
    expect(parseFind(formatRoute("demo", "what?find=no.md"))).toBe("");
  });

  it("names a workspace alone", () => {
    expect(formatRoute("demo")).toBe("#/demo");
    expect(parseRoute("#/demo")).toEqual({ workspace: "demo", path: null });
  });

  it.each(["", "#", "#/", "#demo", "#//x", "#/demo/", "#/demo/%", "#/%E0%A4/x"])("refuses %j", (hash) => {
    expect(parseRoute(hash)).toBeNull();
  });

  it("escapes each part of a room but keeps its slashes", () => {
    expect(syncRoom("demo", "a b/c?d#e%.md")).toBe("demo/a%20b/c%3Fd%23e%25.md");
  });

  it("finds the node beside the page", () => {
    expect(syncServer("http://127.0.0.1:7420/#/demo/x")).toBe("ws://127.0.0.1:7420/sync");
    expect(syncServer("https://example.org/team/?a=b#/demo/x")).toBe("wss://example.org/team/sync");
  });
});

describe("addresses of the home page", () => {
  it.each([
    [{}, "#/demo"],
    [{ folder: "notes/" }, "#/demo/?folder=notes%2F"],
    [{ folder: "a b/c&d=?#/" }, "#/demo/?folder=a+b%2Fc%26d%3D%3F%23%2F"],
    [{ view: "trash" }, "#/demo/?view=trash"],
    [{ query: "two words + more" }, "#/demo/?q=two+words+%2B+more"],
  ] as const)("%j is %s and comes back", (place, address) => {
    expect(formatHome("demo", place)).toBe(address);
    expect(parseHome(address)).toEqual({ view: "all", folder: "", query: "", ...place });
    expect(parseRoute(address)).toEqual({ workspace: "demo", path: null });
  });

  it("takes what it does not know for all documents", () => {
    expect(parseHome("#/demo/?view=nothing")).toEqual({ view: "all", folder: "", query: "" });
    expect(parseHome("#/demo/notes/a.md")).toEqual({ view: "all", folder: "", query: "" });
    expect(parseHome("#/demo/?folder=notes").folder).toBe("notes/");
    expect(parseHome("#/demo/?view=trash&folder=notes%2F").folder).toBe("");
  });

  it("is not taken for a document whose name begins with a question mark", () => {
    expect(parseRoute(formatRoute("demo", "?view=trash"))).toEqual({ workspace: "demo", path: "?view=trash" });
  });
});

describe("pathProblem", () => {
  it.each(["a", "notes/plan.md", ".gitignore", "a..b", "ü".repeat(pathBytesMax / 2)])("accepts %.20s", (path) => {
    expect(pathProblem(path)).toBeNull();
  });

  it.each(["", "/a", "a/", "a//b", ".", "a/../b", "a/./b", "a\nb", "a\u0000", "ü".repeat(pathBytesMax / 2) + "x"])(
    "refuses %.20j",
    (path) => {
      expect(pathProblem(path)).not.toBeNull();
    },
  );
});

describe("splitPath", () => {
  it("parts the folder from the name", () => {
    expect(splitPath("a/b/c.md")).toEqual({ folder: "a/b/", name: "c.md" });
    expect(splitPath("c.md")).toEqual({ folder: "", name: "c.md" });
  });
});
