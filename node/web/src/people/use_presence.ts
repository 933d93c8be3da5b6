// What this window tells the others of itself.

import { useEffect } from "react";

import { watchStatus } from "../activity";
import type { OpenDocument } from "../shell/open_document";

export function usePresence({ session }: OpenDocument): void {
  useEffect(() => watchStatus((status) => session.show({ status })), [session]);
}
