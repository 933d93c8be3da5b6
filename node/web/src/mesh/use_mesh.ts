import { useMemo, useRef, useState } from "react";

import { inWorkspace, type Status, type Workspace } from "../api";
import { useAsked } from "../asked";
import { type Mesh, type MeshAnswer, meshOf, meshOfPeers, type PeerAnswer, settled } from "./picture";

const everyMs = 2000;
const statusEveryMs = 60_000;

/** The mesh of a workspace, live while the page is seen. */
export function useMesh(workspace: Workspace): { mesh: Mesh | null; error: string | null } {
  const { id, role } = workspace;
  const [without, setWithout] = useState(false);
  const since = useRef(new Map<string, number>());
  const whole = useAsked<MeshAnswer>(without ? null : inWorkspace(id, "mesh"), everyMs);
  const peers = useAsked<{ peers: PeerAnswer[] }>(inWorkspace(id, "peers"), everyMs);
  const status = useAsked<Status>(without ? "v1/status" : null, statusEveryMs);
  // A node of before there was a picture; asked once.
  if (!without && whole.code === "not_found") setWithout(true);
  const mesh = useMemo(() => {
    const others = peers.value?.peers;
    if (whole.value) return meshOf(whole.value, others ?? []);
    if (!status.value || !others) return null;
    return meshOfPeers({ device: status.value.device, name: status.value.name, role }, others);
  }, [whole.value, peers.value, status.value, role]);
  const shown = useMemo(() => mesh && settled(mesh, since.current, Date.now()), [mesh]);
  return { mesh: shown, error: without ? (peers.error ?? status.error) : whole.error };
}
