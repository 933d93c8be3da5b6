// What this window tells the others of itself.

import { useEffect } from "react";

import { watchStatus } from "../activity";
import { Later, same } from "../later";
import type { OpenDocument } from "../shell/open_document";

/** Each change goes to everybody's screen. */
const tellLinesAfterMs = 1000;

export function usePresence({ session, room, view, editor }: OpenDocument): void {
  useEffect(
    () =>
      watchStatus((status) => {
        session.show({ status });
        // Where no WebSocket gets through, awareness does not either.
        room?.show({ status });
      }),
    [session, room],
  );
  useEffect(() => {
    if (!editor) return;
    let told = { from: 0, to: 0 };
    const later = new Later(() => {
      const lines = editor.linesInView();
      if (!lines || same(lines, told)) return;
      told = lines;
      session.show({ viewport: lines });
      room?.show({ viewport: { first: lines.from, last: lines.to } });
    }, tellLinesAfterMs);
    const tell = () => later.ask();
    tell();
    const stop = editor.onLayout(tell);
    return () => {
      stop();
      later.stop();
    };
  }, [session, room, editor]);
  const typing = view.participants.find(({ self }) => self)?.typing ?? false;
  useEffect(() => room?.show({ typing }), [room, typing]);
}
