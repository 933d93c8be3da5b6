// The parts of the page that the shell puts together, each loaded when it is first shown.

import { type ComponentType, lazy } from "react";

import type { Workspace } from "../api";
import type { Person } from "../person";
import type { Access } from "./access";

export interface HomeProps {
  access: Access;
  /** Null: there is none yet. */
  workspace: Workspace | null;
  person: Person;
  onPerson: (person: Person) => void;
  onShare: () => void;
  /** Workspaces may be others now. */
  onChanged: () => void;
}

/** `load`s a module when the part called `name` of it is first shown. */
const part = <Name extends string, Props extends object>(
  load: () => Promise<Record<Name, ComponentType<Props>>>,
  name: Name,
) => lazy(async () => ({ default: (await load())[name] }));

export const Home = part(() => import("../home/home"), "Home");
export const PersonButton = part(() => import("../home/person_button"), "PersonButton");
export const MeshDot = part(() => import("../mesh/mesh_dot"), "MeshDot");

export const CodeEditor = lazy(() => import("../editor/code_editor"));
export const RichEditor = lazy(() => import("../rich/rich_editor"));

export const AvatarStack = part(() => import("../people/avatar_stack"), "AvatarStack");
export const PeoplePanel = part(() => import("../people/people_panel"), "PeoplePanel");
export const ShareDialog = part(() => import("../people/share_dialog"), "ShareDialog");

export const ChatPanel = part(() => import("../room/chat_panel"), "ChatPanel");
export const CommentsPanel = part(() => import("../room/comments_panel"), "CommentsPanel");
export const CommentLayer = part(() => import("../room/comment_layer"), "CommentLayer");
export const CommentMargin = part(() => import("../room/comment_margin"), "CommentMargin");

export const HistoryPanel = lazy(() => import("../versions/history_panel"));
export const AuthorshipToggle = part(() => import("../versions/authorship_toggle"), "AuthorshipToggle");
export const VersionOverlay = part(() => import("../versions/version_overlay"), "VersionOverlay");
