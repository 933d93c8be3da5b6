import { Laptop, TriangleAlert, UserPlus } from "lucide-react";
import { type CSSProperties, useMemo, useState } from "react";

import type { Workspace } from "../api";
import { mesh as words } from "../strings/mesh";
import { Button, Empty, Notice } from "../ui/kit";
import { labelAt, layOut } from "./layout";
import css from "./mesh.module.css";
import type { Mesh, MeshLink, MeshNode } from "./picture";
import { StateSign } from "./state_sign";
import { meshHeadline } from "./summary";
import { useMesh } from "./use_mesh";

/** With more links than this, only those of the node that is pointed at have their latency beside them. */
const labelledLinksMax = 8;
const nameCharactersMax = 16;
const linksNamedMax = 6;

interface MeshViewProps {
  workspace: Workspace;
  /** Opens what others are invited with; null: it is not for this person. */
  onShare: (() => void) | null;
}

/** Who is linked to whom, and whether all have the same: a picture, and the same as a table. */
export function MeshView({ workspace, onShare }: MeshViewProps) {
  const { mesh, error } = useMesh(workspace);
  return (
    <section className={css.view} aria-label={words.title}>
      {error && <Notice tone="bad">{`${words.failed}: ${error}`}</Notice>}
      {mesh && <Shown mesh={mesh} onShare={onShare} />}
    </section>
  );
}

function Shown({ mesh, onShare }: { mesh: Mesh; onShare: (() => void) | null }) {
  const [pointed, setPointed] = useState<string | null>(null);
  const headline = meshHeadline(mesh);
  return (
    <>
      <header className={css.head}>
        <div role="status">
          <h1>
            <StateSign tone={headline.tone} size={22} />
            {headline.text}
          </h1>
        </div>
        <p>{words.about}</p>
      </header>
      {mesh.nodes.length > 1 ? (
        <>
          <figure className={css.figure} aria-label={words.picture}>
            <Picture mesh={mesh} pointed={pointed} onPoint={setPointed} />
            <Legend mesh={mesh} />
          </figure>
          <Table mesh={mesh} pointed={pointed} onPoint={setPointed} />
        </>
      ) : (
        <Empty icon={<Laptop />} title={words.alone}>
          <p>{words.aloneText}</p>
          {onShare && (
            <Button look="primary" onClick={onShare}>
              <UserPlus /> {words.invite}
            </Button>
          )}
        </Empty>
      )}
    </>
  );
}

interface PartProps {
  mesh: Mesh;
  /** The device that is pointed at: here or in the table. */
  pointed: string | null;
  onPoint: (device: string | null) => void;
}

const touches = ({ a, b }: MeshLink, device: string | null) => a === device || b === device;

const shortened = (name: string) =>
  Array.from(name).length > nameCharactersMax ? `${Array.from(name).slice(0, nameCharactersMax - 1).join("")}…` : name;

function Picture({ mesh, pointed, onPoint }: PartProps) {
  const key = mesh.nodes.map(({ device }) => device).join();
  const layout = useMemo(() => layOut(key.split(",")), [key]);
  const style = { "--width": `${layout.width}px` } as CSSProperties;
  const lines = mesh.links.flatMap((link) => {
    const [a, b] = [layout.nodes.get(link.a), layout.nodes.get(link.b)];
    return a && b ? [{ link, a, b }] : [];
  });
  const labelled = lines.filter(({ link }) => lines.length <= labelledLinksMax || touches(link, pointed));
  return (
    <svg className={css.picture} style={style} viewBox={`0 0 ${layout.width} ${layout.height}`} aria-hidden="true" data-shape={layout.shape} data-pointed={pointed !== null}>
      {lines.map(({ link, a, b }) => (
        <line
          key={`${link.a} ${link.b}`}
          className={css.link}
          data-kind={link.kind}
          data-busy={!link.inStep}
          data-confirmed={link.confirmed}
          data-pointed={touches(link, pointed)}
          x1={a.x}
          y1={a.y}
          x2={b.x}
          y2={b.y}
        />
      ))}
      {labelled.map(({ link, a, b }) => {
        if (link.roundTripMs === null) return null;
        const at = labelAt(a, b);
        return (
          <text key={`${link.a} ${link.b}`} className={css.latency} x={at.x} y={at.y + 4}>
            {words.latency(link.roundTripMs)}
          </text>
        );
      })}
      {mesh.nodes.map((node) => {
        const at = layout.nodes.get(node.device);
        if (!at) return null;
        return (
          <g
            key={node.device}
            className={css.node}
            data-state={node.state}
            data-pointed={node.device === pointed}
            transform={`translate(${at.x} ${at.y})`}
            onPointerEnter={() => onPoint(node.device)}
            onPointerLeave={() => onPoint(null)}
          >
            <NodeShape node={node} />
            <text className={css.name} y={36}>
              {shortened(node.name)}
            </text>
            <text className={css.about} y={51}>
              {node.self ? words.self : stateText(node)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** Told apart by form, too: a tick, an arrow, a hollow dashed ring. */
function NodeShape({ node }: { node: MeshNode }) {
  return (
    <>
      {node.self && <circle className={css.ring} r={24} />}
      <circle className={css.body} r={19} />
      {node.state === "in_step" && <path className={css.sign} d="m-7 0.5 5 5 9-10" />}
      {node.state === "behind" && <path className={css.sign} d="M0 -8V7M-6 1.5 0 7.5 6 1.5" />}
      {node.state === "unknown" && <circle className={css.sign} r={3} />}
      {node.state === "offline" && <path className={css.sign} d="m-6 -6 12 12M6 -6-6 6" />}
    </>
  );
}

function stateText(node: MeshNode): string {
  if (node.state === "behind") return words.behindBy(node.behind);
  return node.state === "offline" ? words.awaySince(node.awayMs) : words.state[node.state];
}

function Legend({ mesh }: { mesh: Mesh }) {
  const kinds = (["direct", "relay"] as const).filter((kind) => mesh.links.some((link) => link.kind === kind));
  return (
    <figcaption className={css.legend}>
      <span className="visually-hidden">{words.legendTitle}</span>
      {kinds.map((kind) => (
        <span key={kind}>
          <svg width="28" height="8" aria-hidden="true">
            <line className={css.link} data-kind={kind} x1="1" y1="4" x2="27" y2="4" />
          </svg>
          {words.legend[kind]}
        </span>
      ))}
    </figcaption>
  );
}

function Table({ mesh, pointed, onPoint }: PartProps) {
  const names = new Map(mesh.nodes.map(({ device, name }) => [device, name]));
  return (
    <div className={css.tableFrame} role="region" aria-label={words.table} tabIndex={0}>
      <table className={css.table}>
        <thead>
          <tr>
            {Object.values(words.columns).map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {mesh.nodes.map((node) => (
            <tr
              key={node.device}
              data-pointed={node.device === pointed}
              onPointerEnter={() => onPoint(node.device)}
              onPointerLeave={() => onPoint(null)}
            >
              <th scope="row" title={node.device}>
                {node.name}
                {node.self && <span className={css.quiet}> ({words.self})</span>}
              </th>
              <td>{node.role}</td>
              <td data-state={node.state}>
                <span className={css.stateCell}>
                  <StateSign tone={node.state === "in_step" ? "good" : node.state === "behind" ? "busy" : "idle"} size={16} />
                  {stateText(node)}
                </span>
              </td>
              <td>
                <Links of={node} links={mesh.links} names={names} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Links({ of, links, names }: { of: MeshNode; links: readonly MeshLink[]; names: Map<string, string> }) {
  const own = links.filter((link) => touches(link, of.device));
  if (own.length === 0) return <span className={css.quiet}>{words.noLinks}</span>;
  const shown = own.slice(0, linksNamedMax).map((link) => {
    const other = link.a === of.device ? link.b : link.a;
    const latency = link.roundTripMs === null ? null : words.latency(link.roundTripMs);
    return (
      <li key={other}>
        {link.inStep ? null : <TriangleAlert aria-hidden="true" />}
        {words.link(names.get(other) ?? other.slice(0, 8), link.kind, latency, link.confirmed)}
      </li>
    );
  });
  return (
    <ul className={css.links}>
      {shown}
      {own.length > linksNamedMax && <li>{words.moreLinks(own.length - linksNamedMax)}</li>}
    </ul>
  );
}
