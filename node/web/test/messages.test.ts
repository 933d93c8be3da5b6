import { describe, expect, it } from "vitest";

import type { Message } from "../src/events";
import { oneEmoji } from "../src/room/emoji";
import { dayTitle, groupMessages } from "../src/room/groups";
import { completeAt, partsOf } from "../src/room/mentions";
import { problemText } from "../src/room/problems";
import { answerOf, restOf } from "../src/room/rest";
import { emptyRoom } from "../src/room/state";

const noon = new Date(2026, 10, 20, 12).getTime();
const message = (id: string, minutes: number, device = "aa", more: Partial<Message> = {}): Message => ({
  ...{ id, moment: id, time: noon + minutes * 60_000, document: "dd", author: { device }, text: id },
  ...{ deleted: false, mentions: [], reactions: [] },
  ...more,
});

describe("messages in a row", () => {
  const shape = (messages: Message[], unread: string | null = null) =>
    groupMessages(messages, unread).map(({ groups }) => groups.map((group) => group.messages.map(({ id }) => id).join("")));

  it("are together by author, for a while", () => {
    expect(shape([message("a", 0), message("b", 1), message("c", 2, "bb"), message("d", 3), message("e", 9)])).toEqual([["ab", "c", "d", "e"]]);
  });

  it("are apart by day, by the unread line and where one answers", () => {
    expect(shape([message("a", 719), message("b", 721)])).toEqual([["a"], ["b"]]);
    expect(shape([message("a", 0), message("b", 1)], "b")).toEqual([["a", "b"]]);
    expect(shape([message("a", 0), message("b", 1, "aa", { reply: "a" })])).toEqual([["a", "b"]]);
  });

  it("have days with names", () => {
    expect(dayTitle(noon - 12 * 3_600_000, noon)).toBe("Today");
    expect(dayTitle(new Date(2026, 10, 19).getTime(), noon)).toBe("Yesterday");
    expect(dayTitle(new Date(2026, 10, 16).getTime(), noon)).toBe("Monday, November 16");
    expect(dayTitle(new Date(2025, 10, 16).getTime(), noon)).toBe("Sunday, November 16, 2025");
  });
});

describe("what is in a message", () => {
  const members = [{ device: "aa", name: "Ann" }];
  const kinds = (text: string) => partsOf(text, members, "aa").map(({ kind, text: part }) => `${kind}:${part}`);

  it("is text, links and mentions", () => {
    expect(kinds("hello @Ann, see https://a.example/x?y=(1).")).toEqual([
      ...["text:hello ", "mention:@Ann", "text:, see ", "link:https://a.example/x?y=(1", "text:)."],
    ]);
    expect(kinds("https://a.example/@Ann")).toEqual(["link:https://a.example/@Ann"]);
    expect(kinds("")).toEqual([]);
  });

  it("is never a link that runs something", () => {
    expect(kinds("javascript:alert(1) data:text/html,x file:///etc")).toEqual(["text:javascript:alert(1) data:text/html,x file:///etc"]);
  });

  it("is completed where the caret is", () => {
    expect(completeAt("see @a there", 6, "Ann")).toEqual({ text: "see @Ann there", caret: 9 });
    expect(completeAt("@", 1, "Ann")).toEqual({ text: "@Ann ", caret: 5 });
  });
});

describe("reactions", () => {
  it("are one emoji", () => {
    expect([" 👍🏽 ", "❤️", "👩‍👩‍👧", "🇩🇪", "1️⃣"].map(oneEmoji)).toEqual(["👍🏽", "❤️", "👩‍👩‍👧", "🇩🇪", "1️⃣"]);
    expect(["", "a", "👍👍", "1", "ok 👍"].map(oneEmoji)).toEqual([null, null, null, null, null]);
  });
});

describe("what is said without a WebSocket", () => {
  it("are requests", () => {
    const rest = (said: Parameters<typeof restOf>[0]) => {
      const request = restOf(said, "s1");
      return request && [request.method, request.path, request.body ?? request.query ?? null];
    };
    expect(rest({ type: "chat_message", text: "hi", mentions: ["x"], reply: "r" })).toEqual(["POST", "/messages", { text: "hi", reply: "r" }]);
    expect(rest({ type: "presence_update", typing: true })).toEqual(["POST", "/presence", { session: "s1", typing: true }]);
    expect(rest({ type: "reply", thread: "t", text: "yes" })).toEqual(["POST", "/comments/t/replies", { text: "yes" }]);
    expect(rest({ type: "message_update", message: "m", change: "react", text: "👍" })).toEqual(["PUT", "/messages/m/reactions/%F0%9F%91%8D", null]);
    expect(rest({ type: "message_update", message: "m", change: "accept" })).toEqual(["POST", "/comments/m/accept", null]);
    expect(rest({ type: "message_update", message: "m", change: "edit", text: "x" })).toEqual(["PATCH", "/messages/m", { text: "x" }]);
    expect(rest({ type: "room_page", lane: "thread", thread: "t", before: "b", limit: 5 })).toEqual(["GET", "/comments/t/replies", { cursor: "b", limit: "5" }]);
    const range = { root: "monaco", start: "AA", end: "BB" };
    expect(rest({ type: "add_comment", text: "?", range, quote: "q", suggestion: "" })).toEqual([
      ...["POST", "/comments"],
      { text: "?", quote: "q", root: "monaco", range: { start: "AA", end: "BB" }, suggestion: "" },
    ]);
    expect(rest({ type: "join_session", user: { name: "a", color: "" } })).toBeNull();
  });

  it("are answered alike", () => {
    expect(answerOf({ type: "chat_message", text: "" }, { id: "m", moment: "1" })).toEqual({ type: "ok", message: "m", moment: "1" });
    expect(answerOf({ type: "room_page", lane: "chat" }, { messages: [], next: "n", unread: 2 })).toEqual({ type: "room_page", messages: [], older: "n", unread: 2 });
    expect(answerOf({ type: "room_page", lane: "chat" }, { messages: [], next: null })).toEqual({ type: "room_page", messages: [], unread: 0 });
  });
});

describe("problems", () => {
  it("are said in words", () => {
    const limited = Object.assign(new Error("too much"), { code: "RATE_LIMITED" });
    expect(problemText(limited, emptyRoom.limits)).toContain("100 messages within a minute");
    expect(problemText(new Error("no"), emptyRoom.limits)).toBe("no");
  });
});
