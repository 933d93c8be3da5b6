// Who is in the documents of a list now.

import { useMemo, useRef } from "react";

import { type DocumentInfo, ofDocument, request } from "../api";
import { usePolled } from "../asked";

export interface Here {
  id: string;
  name: string;
  color: string;
  status: "active" | "idle" | "away";
}

interface Participant {
  device: string;
  user: string;
  name: string;
  color: string;
  status: Here["status"];
}

const everyMs = 5000;
/** What was changed by somebody within this time may be open on another node, of which only the document itself tells. */
const recentlyMs = 3 * 60_000;
const askedMax = 12;

/** Those worth asking for: open at this node's bridge, or changed a moment ago. */
export function worthAsking(documents: readonly DocumentInfo[], now: number): string[] {
  const some = documents.filter(({ clients, changed }) => clients > 0 || now - changed < recentlyMs);
  // What is open here first; the order stays the same while nothing changes.
  return [...some.filter(({ clients }) => clients > 0), ...some.filter(({ clients }) => clients === 0)]
    .slice(0, askedMax)
    .map(({ id }) => id);
}

const nobody: ReadonlyMap<string, Here[]> = new Map();

/** By document id; `documents` are those on the screen. */
export function useHere(workspace: string, documents: readonly DocumentInfo[]): ReadonlyMap<string, Here[]> {
  const key = worthAsking(documents, Date.now()).join();
  const { value } = usePolled(key === "" ? null : `here ${workspace} ${key}`, everyMs, async () => {
    const found: [string, Here[]][] = [];
    for (const id of key.split(",")) {
      const answer = await request<{ participants: Participant[] }>(`${ofDocument(id, "/participants")}?workspace=${workspace}`).catch(() => null);
      const people = (answer?.participants ?? []).map((one) => ({ id: `${one.device} ${one.user}`, ...pick(one) }));
      if (people.length > 0) found.push([id, people]);
    }
    return found;
  });
  const answered = useMemo(() => value && new Map(value), [value]);
  // While it is asked about others, those who are known stay.
  const shown = useRef(nobody);
  if (answered) shown.current = answered;
  return key === "" ? nobody : shown.current;
}

const pick = ({ name, color, status }: Participant): Omit<Here, "id"> => ({ name, color: color || "#57534e", status });
