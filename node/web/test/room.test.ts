import { describe, expect, it } from "vitest";

import type { EventParticipant, Message } from "../src/events";
import { complete, completions, emptyRoom, mentionsIn, merge, reduce } from "../src/room";
import { openComments, withChatPage, withCommentsPage, withThreadPage } from "../src/room/state";

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
    const moved = { ...participant("bb", { status: "away" }), cursor: { anchor: 5 } };
    expect(reduce(state, { type: "presence_update", participant: moved })).toBe(state);
    state = reduce(state, { type: "user_left", device: "aa", user: "bb" });
    expect(state.participants.map(({ user }) => user)).toEqual(["aa"]);
  });
});

describe("a chat that is looked at", () => {
  const page = (moments: string[], unread: number) => ({
    messages: moments.map((moment) => message(moment, { author: other })),
    unread,
  });

  it("has a line before what was not read when one came", () => {
    let state = withChatPage(reduce(emptyRoom, session), page(["1", "2", "3"], 2));
    expect(state.unreadSince).toBe("2");
    state = reduce({ ...state, watching: true, unread: 0 }, { type: "chat_message", message: message("4", { author: other }) });
    expect([state.unread, state.unreadSince]).toEqual([0, "2"]);
    state = reduce(state, { type: "chat_message", message: message("5") });
    expect(state.unreadSince).toBeNull();
  });

  it("has it before the first that comes while nobody looks", () => {
    let state = reduce(withChatPage(reduce(emptyRoom, { ...session, unread: { chat: 0, comments: 0 } }), page(["1"], 0)), {
      type: "chat_message",
      message: message("2", { author: other }),
    });
    state = reduce(state, { type: "chat_message", message: message("3", { author: other }) });
    expect([state.unread, state.unreadSince]).toEqual([2, "2"]);
  });
});

describe("comments", () => {
  const comment = (moment: string, more: Partial<Message> = {}) => message(moment, { anchor: { quote: "x" }, author: other, ...more });
  const reply = (moment: string) => message(moment, { thread: "id-1", author: other });

  it("are kept apart from the chat, each once, and counted", () => {
    let state = reduce(emptyRoom, session);
    for (let i = 0; i < 2; i++) state = reduce(state, { type: "add_comment", message: comment("1") });
    state = reduce(state, { type: "code_comment", message: comment("2", { author }) });
    expect(state.comments.map(({ moment }) => moment)).toEqual(["1", "2"]);
    expect([state.unreadComments, state.messages.length]).toEqual([1, 0]);
    state = reduce(state, { type: "message_update", message: comment("1", { resolved: true }) });
    expect(openComments(state).map(({ moment }) => moment)).toEqual(["2"]);
  });

  it("come in pages", () => {
    let state = withCommentsPage(reduce(emptyRoom, session), { messages: [comment("3"), message("9")], older: "3", unread: 0 });
    expect(state.commentsLoaded).toBe(false);
    state = withCommentsPage(state, { messages: [comment("1")], unread: 0 });
    expect([state.comments.map(({ moment }) => moment), state.commentsLoaded]).toEqual([["1", "3"], true]);
  });

  it("have answers once those were asked for", () => {
    let state = reduce(emptyRoom, { type: "reply", message: reply("2") });
    expect(state.threads).toEqual({});
    state = withThreadPage(state, "id-1", { messages: [reply("2")], older: "2", unread: 0 });
    state = reduce(state, { type: "reply", message: reply("3") });
    state = reduce(state, { type: "message_update", message: { ...reply("2"), text: "edited" } });
    expect(state.threads["id-1"]?.messages.map(({ text }) => text)).toEqual(["edited", "3"]);
    state = withThreadPage(state, "id-1", { messages: [reply("1")], unread: 0 });
    expect([state.threads["id-1"]?.messages.length, state.threads["id-1"]?.older]).toEqual([3, null]);
  });

  it("that suggest are done once they are decided", () => {
    const state = withCommentsPage(emptyRoom, {
      messages: [comment("1", { suggestion: "y", verdict: "open" }), comment("2", { suggestion: "y", verdict: "dismissed" }), comment("3", { deleted: true })],
      unread: 0,
    });
    expect(openComments(state).map(({ moment }) => moment)).toEqual(["1"]);
  });
});

describe("the state of a session", () => {
  it("is what was said last of each key", () => {
    let state = reduce(emptyRoom, { ...session, state: [{ key: "build", value: 1, removed: false }] });
    state = reduce(state, { type: "session_update", item: { key: "test", value: 2, removed: false } });
    state = reduce(state, { type: "session_update", item: { key: "build", removed: true } });
    expect(Object.keys(state.state)).toEqual(["test"]);
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
