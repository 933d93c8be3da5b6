// What changes by itself, for those who do not see it change: who came and went, who writes, the
// connection. Said once, and not more often than one can listen.

import { useEffect, useRef, useState } from "react";

import { shell } from "../strings/shell";
import { useOpenDocument } from "./open_document";

/** One person's writing is not said again before that. */
const againAfterMs = 20_000;

export function Announcer() {
  const { view } = useOpenDocument();
  const [said, setSaid] = useState("");
  const before = useRef<Map<string, string> | null>(null);
  const writing = useRef(new Map<string, number>());
  const connected = useRef<boolean | null>(null);

  useEffect(() => {
    const others = view.participants.filter(({ self }) => !self);
    const now = new Map(others.map(({ id, name }) => [id, name]));
    const lines: string[] = [];
    if (before.current) {
      for (const [id, name] of now) if (!before.current.has(id)) lines.push(shell.joined(name));
      for (const [id, name] of before.current) if (!now.has(id)) lines.push(shell.left(name));
    }
    before.current = now;
    const time = Date.now();
    for (const { id, name, typing } of others) {
      if (!typing || time - (writing.current.get(id) ?? 0) < againAfterMs) continue;
      writing.current.set(id, time);
      lines.push(shell.edits(name));
    }
    const up = view.connection === "connected" || view.connection === "http";
    const settled = up || view.connection === "offline";
    if (settled && connected.current !== null && connected.current !== up) {
      lines.push(up ? shell.connectionBack : shell.lostConnection);
    }
    if (settled) connected.current = up;
    if (lines.length > 0) setSaid(lines.join(" "));
  }, [view]);

  return (
    <p className="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
      {said}
    </p>
  );
}
