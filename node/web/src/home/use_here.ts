// Who is in the documents of a list now.

import { useEffect, useState } from "react";

import { type DocumentInfo, ofDocument, request } from "../api";

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
  const [here, setHere] = useState(nobody);
  const key = worthAsking(documents, Date.now()).join();
  useEffect(() => {
    if (key === "") {
      setHere(nobody);
      return;
    }
    let stopped = false;
    const ask = async () => {
      if (document.visibilityState !== "visible") return;
      const found = new Map<string, Here[]>();
      for (const id of key.split(",")) {
        if (stopped) return;
        const answer = await request<{ participants: Participant[] }>(`${ofDocument(id, "/participants")}?workspace=${workspace}`).catch(() => null);
        const people = (answer?.participants ?? []).map((one) => ({ id: `${one.device} ${one.user}`, ...pick(one) }));
        if (people.length > 0) found.set(id, people);
      }
      if (!stopped) setHere(found);
    };
    void ask();
    const timer = setInterval(() => void ask(), everyMs);
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, [workspace, key]);
  return here;
}

const pick = ({ name, color, status }: Participant): Omit<Here, "id"> => ({ name, color: color || "#57534e", status });
