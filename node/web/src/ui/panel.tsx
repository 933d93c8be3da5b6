// Beside a document: who is here, and what they say.

import { type KeyboardEvent, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { watchStatus } from "../activity";
import { getMembers, type Member } from "../api";
import type { EventParticipant } from "../events";
import { cleanName, gather } from "../person";
import { emptyRoom, type Room } from "../room";
import type { Session, SessionView } from "../sync";
import { Chat } from "./chat";
import { Close } from "./icons";
import { Avatar } from "./people";
import { usePolled } from "./use_polled";

export type Tab = "people" | "chat";

const membersEveryMs = 30_000;

/** The state of a room that may not be there yet. */
export function useRoomState(room: Room | null) {
  return useSyncExternalStore(room?.subscribe ?? noSubscription, room?.view ?? noRoom);
}
const noSubscription = () => () => {};
const noRoom = () => emptyRoom;

interface PanelProps {
  session: Session;
  view: SessionView;
  room: Room | null;
  tab: Tab;
  onTab: (tab: Tab | null) => void;
}

export function Panel({ session, view, room, tab, onTab }: PanelProps) {
  const state = useRoomState(room);
  const members = usePolled(session.ref.workspace, membersEveryMs, () => getMembers(session.ref.workspace));
  return (
    <aside className="panel" aria-label="People and chat">
      <header className="tabs">
        <Tabs tab={tab} onTab={onTab} unread={state.unread} people={gather(view.participants).length} />
        <button type="button" className="plain" aria-label="Close" onClick={() => onTab(null)}>
          <Close />
        </button>
      </header>
      <div id={`panel-${tab}`} className="panel-body" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "people" ? (
          <PeopleTab session={session} view={view} present={state.participants} />
        ) : (
          <Chat session={session} view={view} room={room} state={state} members={members.value ?? noMembers} />
        )}
      </div>
    </aside>
  );
}
const noMembers: Member[] = [];

function Tabs(props: { tab: Tab; onTab: (tab: Tab) => void; unread: number; people: number }) {
  const { tab, onTab, unread, people } = props;
  const all: { id: Tab; text: string; count: number }[] = [
    { id: "people", text: "People", count: people },
    { id: "chat", text: "Chat", count: tab === "chat" ? 0 : unread },
  ];
  const move = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other: Tab = tab === "people" ? "chat" : "people";
    onTab(other);
    document.getElementById(`tab-${other}`)?.focus();
  };
  return (
    <div role="tablist" aria-label="Panel" onKeyDown={move}>
      {all.map(({ id, text, count }) => (
        <button
          key={id}
          id={`tab-${id}`}
          type="button"
          role="tab"
          aria-selected={tab === id}
          aria-controls={`panel-${id}`}
          tabIndex={tab === id ? 0 : -1}
          onClick={() => onTab(id)}
        >
          {text}
          {count > 0 && <span className="count">{count}</span>}
        </button>
      ))}
    </div>
  );
}

const statusTexts = { active: "", idle: "idle", away: "away" } as const;

function PeopleTab(props: { session: Session; view: SessionView; present: EventParticipant[] }) {
  const { session, view, present } = props;
  const deviceOf = (clients: number[]) =>
    present.find((one) => one.clients.some((client) => clients.includes(client)))?.device_name ?? "";
  return (
    <ul className="people-list">
      {gather(view.participants).map(({ id, name, color, self, status, typing, clients }) => {
        const followed = view.following !== null && clients.includes(view.following);
        const state = typing ? "typing…" : statusTexts[status];
        const details = [self ? "you" : "", cleanName(deviceOf(clients)), state, followed ? "following" : ""];
        const line = (
          <>
            <Avatar name={name} color={color} />
            <span className="person-name">{name}</span>
            <span className="quiet">{details.filter(Boolean).join(" · ")}</span>
          </>
        );
        return (
          <li key={id} data-status={status} data-person={id}>
            {self ? (
              <div className="person">{line}</div>
            ) : (
              <button
                type="button"
                className="person"
                aria-pressed={followed}
                title={followed ? `Stop following ${name}` : `Follow ${name}’s cursor`}
                onClick={() => session.follow(followed ? null : (clients[0] ?? null))}
              >
                {line}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** The button that opens the panel, and what is unread. */
export function PanelButton({ room, open, onOpen }: { room: Room | null; open: boolean; onOpen: () => void }) {
  const { unread } = useRoomState(room);
  return (
    <button type="button" className="plain panel-button" aria-expanded={open} onClick={onOpen}>
      Chat
      {unread > 0 && !open && (
        <span className="count" aria-label={`${unread} unread`}>
          {unread}
        </span>
      )}
    </button>
  );
}

/** Tells the others whether this person is active, idle or away. */
export function useStatus(session: Session): void {
  useEffect(() => watchStatus((status) => session.show({ status })), [session]);
}

/** `room` while `key` stays the same, made by `make`; null while there is no key. */
export function useRoom(key: string | null, make: () => Room): Room | null {
  const [room, setRoom] = useState<Room | null>(null);
  const makeRef = useRef(make);
  makeRef.current = make;
  useEffect(() => {
    if (key === null) return;
    const opened = makeRef.current();
    setRoom(opened);
    return () => {
      setRoom(null);
      opened.close();
    };
  }, [key]);
  return room;
}
