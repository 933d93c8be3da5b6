import { inWorkspace, type Member } from "../api";
import { useAsked } from "../asked";

const everyMs = 30_000;
const nobody: readonly Member[] = [];

/** The devices of a workspace; empty until they are known, and to a guest of one document, who may not see them. */
export const useMembers = (workspace: string): readonly Member[] =>
  useAsked<{ members: Member[] }>(inWorkspace(workspace, "members"), everyMs).value?.members ?? nobody;
