import type { Workspace } from "../api";
import { formatHome } from "../route";
import { mesh as words } from "../strings/mesh";
import { Tip } from "../ui/kit";
import css from "./mesh.module.css";
import { StateSign } from "./state_sign";
import { meshHeadline, meshSummary } from "./summary";
import { useMesh } from "./use_mesh";

/** Whether the team is in sync, for the top bar: a sign and some words, and the way to the picture. */
export function MeshDot({ workspace }: { workspace: Workspace }) {
  const { mesh, error } = useMesh(workspace);
  // A guest of one document is not told.
  if (!mesh && error !== null) return null;
  const { tone, text } = meshSummary(mesh);
  return (
    <Tip text={mesh ? meshHeadline(mesh).text : words.unknown}>
      <a className={css.summary} href={formatHome(workspace.name, { view: "mesh" })} aria-label={words.open(text)}>
        <StateSign tone={tone} size={16} />
        <span>{text}</span>
      </a>
    </Tip>
  );
}
