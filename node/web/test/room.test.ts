import { describe, expect, it } from "vitest";

import type { EventParticipant, Message } from "../src/events";
import { complete, completions, emptyRoom, mentionsIn, merge, reduce } from "../src/room";

const author = { device: "aa", name: "red" };
const other = { device: "bb", name: "blue" };

const message = (moment: string, more: Partial<Message> = {}): Message => ({
  ...{ id: `id-${moment}`, moment, time: 1, document: "dd", author, text: moment },
  ...{ deleted: false, mentions: [], reactions: [] },
  ...more,
});
const participant = (id: string, more: Partial<EventParticipant> = {}): EventParticipant => ({
  ...{ device: "aa", device_name: "red", user: id, name: id, color: "", status: "active", typing: false, clients: [] },
  ...more,
});
const session = {
  type: "session" as const,
  ...{ self: author, role: "editor", participants: [participant("aa")], unread: { chat: 2, comments: 0 } },
};

describe("a room", () => {
  it("begins with what the node says", () => {
    const state = reduce(emptyRoom, session);
    expect(state).toMatchObject({ connected: true, self: author, role: "editor", unread: 2 });
  });

  it("counts what others say as unread, each once", () => {
    let state = reduce(emptyRoom, session);
    state = reduce(state, { type: "chat_message", message: message("1") });
    expect(state.unread).toBe(2);
    for (let i = 0; i < 2; i++) {
      state = reduce(state, { type: "chat_message", message: message("2", { author: other }) });
    }
    expect(state.unread).toBe(3);
    expect(state.messages.map(({ moment }) => moment)).toEqual(["1", "2"]);
  });

  it("changes only messages that it has", () => {
    let state = reduce(emptyRoom, { type: "chat_message", message: message("2") });
    state = reduce(state, { type: "message_update", message: message("2", { text: "", deleted: true }) });
    state = reduce(state, { type: "message_update", message: message("1") });
    expect(state.messages.map(({ deleted }) => deleted)).toEqual([true]);
  });

  it("leaves comments and their answers to others", () => {
    const comments = [message("1", { anchor: { quote: "x" } }), message("2", { thread: "id-1" })];
    expect(merge([], comments)).toEqual([]);
  });

  it("keeps the order of moments whatever order they come in", () => {
    expect(merge([message("2")], [message("3"), message("1")]).map(({ moment }) => moment)).toEqual(["1", "2", "3"]);
  });

  it("knows who comes, changes and goes", () => {
    let state = reduce(emptyRoom, session);
    state = reduce(state, { type: "user_joined", participant: participant("bb") });
    state = reduce(state, { type: "presence_update", participant: participant("bb", { status: "away" }) });
    expect(state.participants.map(({ user, status }) => [user, status])).toEqual([["aa", "active"], ["bb", "away"]]);
    state = reduce(state, { type: "user_left", device: "aa", user: "bb" });
    expect(state.participants.map(({ user }) => user)).toEqual(["aa"]);
  });
});

describe("mentions", () => {
  const members = [
    { device: "aa", name: "Ann" },
    { device: "bb", name: "Ann Lee" },
    { device: "cc", name: "Ünal" },
    { device: "dd", name: "" },
  ];

  it("are the longest names that fit", () => {
    expect(mentionsIn("@Ann Lee, @Ünal and @Ann.", members)).toEqual(["bb", "cc", "aa"]);
    expect(mentionsIn("ann@Ann.org @Anna @", members)).toEqual([]);
  });

  it("are offered while they are typed", () => {
    const names = members.map(({ name }) => name).filter(Boolean);
    expect(completions("hello @a", names)).toEqual(["Ann", "Ann Lee"]);
    expect(completions("hello @Ann", names)).toEqual(["Ann Lee"]);
    expect(completions("mail a@", names)).toEqual([]);
    expect(complete("hello @a", "Ann $& Lee")).toBe("hello @Ann $& Lee ");
  });
});
