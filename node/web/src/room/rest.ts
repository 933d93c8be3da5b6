// What is said over the events WebSocket, as requests: for where there is none.

import { ask, ofDocument } from "../api";
import { type ClientMessage, EventError, type Message, type ServerEvent } from "../events";

export interface RestRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Behind the document's address; begins with "/". */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
}

const part = encodeURIComponent;
const decisions: readonly string[] = ["resolve", "reopen", "accept", "dismiss"];

/** The request that says `message`; null where there is none. `session` is the stream's. */
export function restOf(message: ClientMessage, session: string): RestRequest | null {
  switch (message.type) {
    case "presence_update": {
      const { type: _type, ...presence } = message;
      return { method: "POST", path: "/presence", body: { session, ...presence } };
    }
    case "chat_message":
      // Who is mentioned, the node finds in the text.
      return { method: "POST", path: "/messages", body: { text: message.text, ...(message.reply ? { reply: message.reply } : {}) } };
    case "add_comment": {
      const { text, quote, suggestion, range } = message;
      const body = { text, quote, root: range.root, range: { start: range.start, end: range.end } };
      return { method: "POST", path: "/comments", body: { ...body, ...(suggestion === undefined ? {} : { suggestion }) } };
    }
    case "reply":
      return { method: "POST", path: `/comments/${part(message.thread)}/replies`, body: { text: message.text } };
    case "message_update": {
      const { change, text = "" } = message;
      const at = `/messages/${part(message.message)}`;
      if (change === "edit") return { method: "PATCH", path: at, body: { text } };
      if (change === "delete") return { method: "DELETE", path: at };
      if (change === "react") return { method: "PUT", path: `${at}/reactions/${part(text)}` };
      if (change === "unreact") return { method: "DELETE", path: `${at}/reactions/${part(text)}` };
      return decisions.includes(change) ? { method: "POST", path: `/comments/${part(message.message)}/${change}` } : null;
    }
    case "mark_read":
      return { method: "POST", path: "/read", body: { lane: message.lane, moment: message.moment } };
    case "room_page": {
      const { lane, thread = "", before, limit } = message;
      const path = lane === "chat" ? "/messages" : lane === "comments" ? "/comments" : `/comments/${part(thread)}/replies`;
      const query = { ...(before ? { cursor: before } : {}), ...(limit ? { limit: String(limit) } : {}) };
      return { method: "GET", path, query };
    }
    case "join_session":
      return null;
  }
}

interface RestAnswer {
  messages?: Message[];
  next?: string | null;
  unread?: number;
  /** Of what was posted. */
  id?: string;
  moment?: string;
}

/** The answer to `message`, as the WebSocket would have given it. */
export function answerOf(message: ClientMessage, answer: RestAnswer): ServerEvent {
  if (message.type !== "room_page") {
    const { id, moment } = answer;
    return { type: "ok", ...(id === undefined ? {} : { message: id }), ...(moment === undefined ? {} : { moment }) };
  }
  const { messages = [], next, unread = 0 } = answer;
  return { type: "room_page", messages, unread, ...(next ? { older: next } : {}) };
}

/** Says it; throws ApiError, whose text is for people. */
export async function sayByRest(
  workspace: string,
  document: string,
  message: ClientMessage,
  session: string,
): Promise<ServerEvent> {
  const rest = restOf(message, session);
  if (!rest) throw new EventError("MALFORMED", "");
  const query = new URLSearchParams({ workspace, ...rest.query }).toString();
  const body = rest.body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(rest.body) };
  const { value } = await ask<RestAnswer>(`${ofDocument(document, rest.path)}?${query}`, { method: rest.method, ...body });
  return answerOf(message, value);
}
