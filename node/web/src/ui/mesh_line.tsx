import type { Peer } from "../api";
import { isCatchingUp, meshSummary } from "../mesh";

/** One line on how this node stands with the others; opened, a line for each of them. */
export function MeshLine({ node, peers }: { node: string; peers: Peer[] | null }) {
  const { tone, text } = meshSummary(peers);
  return (
    <details className="mesh">
      <summary>
        <span className="dot" data-tone={tone} />
        <span className="mesh-node">{node}</span>
        <span className="mesh-text">{text}</span>
      </summary>
      <ul>
        {(peers ?? []).map((peer) => (
          <PeerRow key={peer.device} peer={peer} />
        ))}
        {peers?.length === 0 && <li className="quiet">Invite someone: coterie invite</li>}
      </ul>
    </details>
  );
}

function PeerRow({ peer }: { peer: Peer }) {
  const busy = isCatchingUp(peer);
  const state = !peer.linked ? "not linked" : busy ? "catching up" : "in step";
  const tone = !peer.linked ? "bad" : busy ? "busy" : "good";
  return (
    <li title={peer.device}>
      <span className="dot" data-tone={tone} />
      <span className="mesh-node">{peer.name || peer.device.slice(0, 8)}</span>
      <span className="mesh-text">
        {state}
        {peer.linked && peer.round_trip_ms != null && ` · ${formatMs(peer.round_trip_ms)}`}
      </span>
    </li>
  );
}

const formatMs = (ms: number) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);
