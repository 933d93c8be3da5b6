import { describe, expect, it } from "vitest";

import { closedUnopenedMax, firstWay, isRefusal, nextWay, type WayEvent, type WayState } from "../src/room/fallback";

const run = (events: WayEvent[], from: WayState = firstWay) => events.reduce(nextWay, from);
const blocked: WayEvent = { type: "socket_closed", opened: false, httpAnswers: true };
const away: WayEvent = { type: "socket_closed", opened: false, httpAnswers: false };
const lost: WayEvent = { type: "socket_closed", opened: true, httpAnswers: true };

describe("the way events come", () => {
  it("is the stream once a WebSocket did not open twice while the node answers", () => {
    expect(closedUnopenedMax).toBe(2);
    expect(run([blocked]).transport).toBe("websocket");
    expect(run([blocked, blocked]).transport).toBe("stream");
  });

  it("stays the WebSocket while the node is away, or after one that was open", () => {
    expect(run([away, away, away, away]).transport).toBe("websocket");
    expect(run([blocked, away, blocked]).transport).toBe("websocket");
    expect(run([blocked, lost, blocked]).transport).toBe("websocket");
  });

  it("is the WebSocket again once one opens; one that fails beside the stream changes nothing", () => {
    const stream = run([blocked, blocked]);
    expect(run([blocked, away, lost], stream).transport).toBe("stream");
    expect(run([blocked, { type: "socket_opened" }], stream)).toEqual(firstWay);
  });

  it("begins anew when the stream is lost", () => {
    expect(run([blocked, blocked, { type: "stream_lost" }])).toEqual(firstWay);
  });

  it("knows what does not pass by itself", () => {
    expect([1006, 1001, 1013, 4399, 4400, 4401, 4423, 4424].map(isRefusal)).toEqual([
      ...[false, false, false, false],
      ...[true, true, true, false],
    ]);
  });
});
