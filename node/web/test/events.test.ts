import { describe, expect, it } from "vitest";

import { type ClientMessage, eventsUrl, retryDelay, type ServerEvent } from "../src/events";
import { streamUrl } from "../src/room/addresses";
import { emptyRoom, reduce } from "../src/room";

const golden = <T>(files: Record<string, unknown>) =>
  new Map(Object.entries(files).map(([path, content]) => [/(\w+)\.json$/.exec(path)?.[1], content as T]));
const said = golden<ClientMessage>(
  import.meta.glob("../../../tests/golden/events/client/*.json", { eager: true, import: "default" }),
);
const told = golden<ServerEvent>(
  import.meta.glob("../../../tests/golden/events/server/*.json", { eager: true, import: "default" }),
);
const id = "ab".repeat(32);

// The node's tests read and write the same files (tests/node/daemon/event_json_test.cpp).
describe("the golden examples", () => {
  it("are what this client says", () => {
    const ours: (ClientMessage & { id?: string })[] = [
      { type: "join_session", id: "1", user: { id: "3f2a", name: "Ada", color: "#1d4ed8" }, shown: true },
      { type: "chat_message", id: "2", text: "hello @Alan", mentions: ["cd".repeat(32)], reply: id },
      { type: "message_update", id: "6", message: id, change: "react", text: "👍" },
      { type: "mark_read", id: "7", lane: "chat", moment: `0190a5c4b2000000${id}` },
    ];
    for (const message of ours) expect(said.get(message.type)).toEqual(message);
  });

  it("are what this client understands", () => {
    expect(told.size).toBe(16);
    let state = reduce(emptyRoom, told.get("session") as ServerEvent);
    expect(state).toMatchObject({ connected: true, role: "editor", unread: 3 });
    expect(state.participants.map(({ name, clients }) => [name, clients])).toEqual([["Ada", [7, 9]]]);
    state = reduce(state, told.get("chat_message") as ServerEvent);
    for (const comment of ["add_comment", "code_comment", "reply"]) {
      state = reduce(state, told.get(comment) as ServerEvent);
    }
    expect(state.messages.map(({ text, author }) => [text, author.guest])).toEqual([["hello @blue", "3f2a"]]);
    expect(state.unread).toBe(3); // Our own.
    state = reduce(state, told.get("message_update") as ServerEvent);
    expect(state.messages.map(({ deleted }) => deleted)).toEqual([true]);
    expect(reduce(state, told.get("user_left") as ServerEvent).participants).toEqual([]);
  });
});

describe("the events of a document", () => {
  it("are at the page's own node", () => {
    expect(eventsUrl("http://127.0.0.1:7420/#/demo/x", "w w", "0a")).toBe(
      "ws://127.0.0.1:7420/v1/documents/0a/events?workspace=w%20w",
    );
    expect(eventsUrl("https://host/below/?x=1", "w", "0a")).toBe(
      "wss://host/below/v1/documents/0a/events?workspace=w",
    );
  });

  it("are there as a stream, too", () => {
    expect(streamUrl("http://127.0.0.1:7420/#/demo/x", "w", "0a", { name: "Ada L+", color: "#112233" })).toBe(
      "http://127.0.0.1:7420/v1/documents/0a/stream?workspace=w&name=Ada%20L%2B&color=%23112233",
    );
  });

  it("are asked for again later each time, up to ten seconds", () => {
    const delays = [0, 1, 2, 3, 10, 1000].map((failures) => retryDelay(failures, () => 1));
    expect(delays).toEqual([250, 500, 1000, 2000, 10_000, 10_000]);
    expect(retryDelay(0, () => 0)).toBe(125);
  });
});
