// Which way events come: the WebSocket, or, where something between here and the node blocks that,
// server-sent events. This decides; connection.ts does.

export type Transport = "websocket" | "stream";

/** WebSockets that did not open, in a row, after which the stream is tried. */
export const closedUnopenedMax = 2;
/** How often a WebSocket is tried while the stream works. */
export const retryWebSocketMs = 60_000;
/** After the node closed with a reason that does not pass by itself. */
export const refusedRetryMs = 30_000;

export interface WayState {
  transport: Transport;
  /** WebSockets in a row that ended before the node answered on them. */
  unopened: number;
}

export const firstWay: WayState = { transport: "websocket", unopened: 0 };

export type WayEvent =
  | { type: "socket_opened" }
  | { type: "socket_closed"; opened: boolean; httpAnswers: boolean }
  | { type: "stream_lost" };

export function nextWay(state: WayState, event: WayEvent): WayState {
  switch (event.type) {
    case "socket_opened":
      return firstWay;
    case "socket_closed": {
      // One that was tried beside a working stream changes nothing.
      if (state.transport === "stream") return state;
      if (event.opened) return firstWay;
      // A node that does not answer at all is away: a stream would be, too.
      if (!event.httpAnswers) return firstWay;
      const unopened = state.unopened + 1;
      return { transport: unopened >= closedUnopenedMax ? "stream" : "websocket", unopened };
    }
    case "stream_lost":
      return firstWay;
  }
}

/** The node closed for a reason: expired, sent out, in the trash, session ended (docs/PROTOCOL.md). */
export const isRefusal = (code: number): boolean => code >= 4400 && code <= 4423;
