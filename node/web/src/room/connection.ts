// Keeps the events of a document coming: over the WebSocket, or, where that is blocked, over
// server-sent events with requests for what is said. Begins again whenever it is lost.

import { type ClientMessage, EventError, type ServerEvent } from "../events";
import { strings } from "../strings/room";
import { tokenParameters } from "../token";
import { eventsUrl, retryDelay, streamUrl } from "./addresses";
import { firstWay, isRefusal, nextWay, refusedRetryMs, retryWebSocketMs, type Transport, type WayEvent } from "./fallback";
import { sayByRest } from "./rest";

const answerWithinMs = 15_000;
const probeWithinMs = 5_000;
/** A WebSocket that neither opens nor fails: something swallows it. */
const openWithinMs = 10_000;

type Timer = ReturnType<typeof setTimeout>;

interface Waiting {
  resolve: (answer: ServerEvent) => void;
  reject: (error: Error) => void;
  timer: Timer;
}

export interface ConnectionOptions {
  workspace: string;
  document: string;
  join: () => ClientMessage & { type: "join_session" };
  onEvent: (event: ServerEvent) => void;
  /** `refusal`: why the node will not have us, if it said so. */
  onLost: (refusal: string | null) => void;
  onTransport: (transport: Transport) => void;
}

async function httpAnswers(): Promise<boolean> {
  try {
    return (await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(probeWithinMs) })).ok;
  } catch {
    return false;
  }
}

export class EventsConnection {
  private socket: WebSocket | null = null;
  /** The last one on which the node answered. */
  private joined: WebSocket | null = null;
  private stream: EventSource | null = null;
  /** Names the stream to the node; empty until it said so. */
  private streamSession = "";
  private way = firstWay;
  private failures = 0;
  private timer: Timer | undefined;
  private socketTimer: Timer | undefined;
  private closed = false;
  private nextId = 1;
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly options: ConnectionOptions) {
    this.connectSocket();
  }

  /** Resolves with the node's answer; rejects with EventError when it refused or did not answer. */
  request(message: ClientMessage): Promise<ServerEvent> {
    const { socket } = this;
    if (this.way.transport === "stream") {
      if (this.streamSession === "") return Promise.reject(new EventError("UNAVAILABLE", strings.errors.notConnected));
      const { workspace, document } = this.options;
      return sayByRest(workspace, document, message, this.streamSession);
    }
    if (socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new EventError("UNAVAILABLE", strings.errors.notConnected));
    }
    return this.ask(socket, message);
  }

  /** What needs no answer, and is of no use later. */
  tell(message: ClientMessage & { type: "presence_update" }): void {
    if (this.way.transport === "stream") {
      if (this.streamSession !== "") void this.request(message).catch(() => {});
    } else if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
    }
  }

  /** Asks anew how everything stands; the answer comes as an event. */
  rejoin(): void {
    if (this.way.transport === "stream") return this.openStream();
    if (this.socket) this.joinBy(this.socket);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.socketTimer);
    this.closeStream();
    const { socket } = this;
    this.socket = null;
    this.failAll();
    // One that is not open yet would complain.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket?.close();
  }

  private step(event: WayEvent): void {
    const before = this.way.transport;
    this.way = nextWay(this.way, event);
    if (this.way.transport !== before) this.options.onTransport(this.way.transport);
  }

  private connectSocket(): void {
    const { workspace, document } = this.options;
    const socket = new WebSocket(eventsUrl(location.href, workspace, document, tokenParameters()));
    this.socket = socket;
    const timer = setTimeout(() => socket.close(), openWithinMs);
    socket.onopen = () => {
      clearTimeout(timer);
      this.joinBy(socket);
    };
    socket.onmessage = ({ data }) => this.read(data);
    socket.onclose = ({ code, reason }) => {
      clearTimeout(timer);
      if (this.socket !== socket) return;
      this.socket = null;
      // A proxy may let one open and end it then.
      void this.socketClosed(this.joined === socket || isRefusal(code), code, reason);
    };
  }

  private joinBy(socket: WebSocket): void {
    this.ask(socket, this.options.join()).then(
      (answer) => {
        this.failures = 0;
        this.joined = socket;
        this.step({ type: "socket_opened" });
        this.closeStream();
        this.options.onEvent(answer);
      },
      () => socket.close(),
    );
  }

  private async socketClosed(opened: boolean, code: number, reason: string): Promise<void> {
    this.failAll();
    const beside = this.way.transport === "stream";
    if (!beside) this.options.onLost(isRefusal(code) ? reason || strings.errors.refused : null);
    const answers = opened || beside || (await httpAnswers());
    if (this.closed || this.socket) return;
    this.step({ type: "socket_closed", opened, httpAnswers: answers });
    if (this.way.transport === "websocket") {
      const delay = isRefusal(code) ? refusedRetryMs : retryDelay(this.failures++);
      this.timer = setTimeout(() => this.connectSocket(), delay);
      return;
    }
    if (!this.stream) this.openStream();
    this.socketTimer = setTimeout(() => this.connectSocket(), retryWebSocketMs);
  }

  private openStream(): void {
    this.closeStream();
    const { workspace, document, join } = this.options;
    const { name, color } = join().user;
    const stream = new EventSource(streamUrl(location.href, workspace, document, { name, color, ...tokenParameters() }));
    this.stream = stream;
    stream.onmessage = ({ data }) => {
      if (this.stream === stream) this.read(data);
    };
    // The browser would come back by itself and be told what it had; a new stream is told all.
    stream.onerror = () => this.streamLost(stream, null);
    stream.addEventListener("close", (event) => {
      const { code, reason } = readClose((event as MessageEvent<unknown>).data);
      this.streamLost(stream, isRefusal(code) ? reason || strings.errors.refused : null);
    });
  }

  private streamLost(stream: EventSource, refusal: string | null): void {
    if (this.stream !== stream) return;
    this.closeStream();
    clearTimeout(this.socketTimer);
    this.options.onLost(refusal);
    this.step({ type: "stream_lost" });
    if (this.socket) return;
    this.timer = setTimeout(() => this.connectSocket(), refusal === null ? retryDelay(this.failures++) : refusedRetryMs);
  }

  private closeStream(): void {
    this.stream?.close();
    this.stream = null;
    this.streamSession = "";
  }

  private ask(socket: WebSocket, message: ClientMessage): Promise<ServerEvent> {
    if (socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new EventError("UNAVAILABLE", strings.errors.notConnected));
    }
    const id = String(this.nextId++);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new EventError("UNAVAILABLE", strings.errors.noAnswer));
      }, answerWithinMs);
      this.waiting.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ ...message, id }));
    });
  }

  private read(data: unknown): void {
    let event: ServerEvent;
    try {
      event = JSON.parse(String(data)) as ServerEvent;
    } catch {
      return;
    }
    if (event.type === "stream") {
      this.streamSession = event.session;
      return;
    }
    const waiting = event.id === undefined ? undefined : this.waiting.get(event.id);
    if (!waiting || event.id === undefined) {
      if (event.type === "session") this.failures = 0;
      return this.options.onEvent(event);
    }
    this.waiting.delete(event.id);
    clearTimeout(waiting.timer);
    if (event.type === "error") waiting.reject(new EventError(event.code, event.message));
    else waiting.resolve(event);
  }

  private failAll(): void {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(new EventError("UNAVAILABLE", strings.errors.lost));
    }
    this.waiting.clear();
  }
}

function readClose(data: unknown): { code: number; reason: string } {
  try {
    const { code, reason } = JSON.parse(String(data)) as { code?: unknown; reason?: unknown };
    return { code: Number(code), reason: typeof reason === "string" ? reason : "" };
  } catch {
    return { code: 0, reason: "" };
  }
}
