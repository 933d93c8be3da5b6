import { describe, expect, it } from "vitest";

import type { EventParticipant } from "../src/events";
import { peopleHere, stateText, whereText } from "../src/people/here";
import { guestId, nameInGuestId } from "../src/people/guest_id";
import { isLocal, linkOf } from "../src/people/sharing";
import { othersOf } from "../src/room/authors";
import { emptyRoom } from "../src/room/state";
import { typingNames } from "../src/room/typing";
import type { Participant } from "../src/sync";

const windowOf = (clientId: number, id: string, more: Partial<Participant> = {}): Participant => ({
  ...{ clientId, id, name: id, color: "#1d4ed8", self: false, status: "active", typing: false },
  ...more,
});
const present = (user: string, more: Partial<EventParticipant> = {}): EventParticipant => ({
  ...{ device: "aa", device_name: "red", user, name: user, color: "#1d4ed8", status: "active", typing: false, clients: [] },
  ...more,
});

describe("people here", () => {
  it("are those of awareness, with what the events know of them", () => {
    const here = peopleHere(
      [windowOf(1, "me", { self: true }), windowOf(2, "ada"), windowOf(3, "ada", { typing: true })],
      [present("ada", { clients: [2, 3], viewport: { first: 3, last: 9 }, file: "a.ts", following: "me" })],
    );
    expect(here.map(({ id, clients, devices }) => [id, clients, devices])).toEqual([
      ["me", [1], []],
      ["ada", [2, 3], ["red"]],
    ]);
    const [, ada] = here;
    if (!ada) throw new Error();
    expect([stateText(ada), whereText(ada), ada.following]).toEqual(["Typing…", "In a.ts · Looks at lines 3 to 9", "me"]);
  });

  it("are also those whom only the events show", () => {
    const here = peopleHere([windowOf(1, "me", { self: true })], [present("vim", { color: "", status: "idle" })]);
    expect(here.map(({ name, status }) => [name, status])).toEqual([["me", "active"], ["vim", "idle"]]);
    expect(here[1]?.color).toMatch(/^#/);
  });

  it("are not ourselves, as a stream shows us", () => {
    const me = { id: "p1", name: "Ann", color: "#1d4ed8" };
    const state = { ...emptyRoom, self: { device: "aa" }, participants: [present("~1", { name: "Ann" }), present("~2", { name: "Bo" }), present("p1")] };
    expect(othersOf(state, me).map(({ user }) => user)).toEqual(["~2"]);
  });

  it("are named once when they type", () => {
    const windows = [windowOf(1, "me", { self: true, typing: true }), windowOf(2, "ada", { typing: true }), windowOf(3, "ada", { typing: true })];
    const others = [present("ada", { typing: true, clients: [2, 3] }), present("vim", { typing: true }), present("emacs")];
    expect(typingNames(windows, others)).toEqual(["ada", "vim"]);
  });
});

describe("sharing", () => {
  it("names guests after people", () => {
    expect(guestId("Ada Lovelace", () => 0)).toBe("ada-lovelace-000000");
    expect(guestId("Ünal Özgür", () => 0.999)).toBe("unal-ozgur-zzzzzz");
    expect(guestId("李", () => 0)).toBe("guest-000000");
    expect([guestId("Ada Lovelace"), "3f2a", "0123456789abcdef"].map(nameInGuestId)).toEqual(["Ada Lovelace", null, null]);
  });

  it("makes links to the page with the token, at the document", () => {
    expect(linkOf("https://team.example/below/?x=1#/old", "a.b-c", "#/demo/notes/a%20b.md")).toBe("https://team.example/below/?token=a.b-c#/demo/notes/a%20b.md");
    expect([isLocal("http://127.0.0.1:7420/"), isLocal("http://[::1]:7420/"), isLocal("https://team.example/")]).toEqual([true, true, false]);
  });
});
