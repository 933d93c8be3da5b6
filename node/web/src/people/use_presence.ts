// What this window tells the others of itself.

import { useEffect } from "react";

import { watchStatus } from "../activity";
import type { OpenDocument } from "../shell/open_document";

export function usePresence({ session, room, view }: OpenDocument): void {
  useEffect(
    () =>
      watchStatus((status) => {
        session.show({ status });
        // Where no WebSocket gets through, awareness does not either.
        room?.show({ status });
      }),
    [session, room],
  );
  const typing = view.participants.find(({ self }) => self)?.typing ?? false;
  useEffect(() => room?.show({ typing }), [room, typing]);
}
