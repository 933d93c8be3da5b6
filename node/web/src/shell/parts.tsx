// The parts of the page that the shell puts together, each loaded when it is first shown.

import { type ComponentType, lazy } from "react";

import type { DocumentInfo, Workspace } from "../api";
import type { EditorHandle, TextFigures } from "../editor/handle";
import type { Person } from "../person";
import type { Session } from "../sync";
import type { Access } from "./access";

const none = () => null;

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
export const Home = lazy(() => import("../home/home").then(({ Home }) => ({ default: Home })));

export interface RichEditorProps {
  session: Session;
  mayEdit: boolean;
  loaded: boolean;
  onFigures: (figures: TextFigures) => void;
  onTrouble: (why: string) => void;
  handle: (handle: EditorHandle | null) => void;
}
export const CodeEditor = lazy(() => import("../editor/code_editor"));
export const RichEditor: ComponentType<RichEditorProps> = none;

export const AvatarStack = lazy(() => import("../people/avatar_stack").then((part) => ({ default: part.AvatarStack })));
export const ChatPanel = lazy(() => import("../room/chat_panel").then((part) => ({ default: part.ChatPanel })));
export const CommentLayer = lazy(() => import("../room/comment_layer").then((part) => ({ default: part.CommentLayer })));
export const CommentsPanel = lazy(() => import("../room/comments_panel").then((part) => ({ default: part.CommentsPanel })));
export const CommentMargin = lazy(() => import("../room/comment_margin").then((part) => ({ default: part.CommentMargin })));
export const PeoplePanel = lazy(() => import("../people/people_panel").then((part) => ({ default: part.PeoplePanel })));
export const HistoryPanel: ComponentType = none;
export const AuthorshipToggle: ComponentType = none;

export interface ShareDialogProps {
  workspace: Workspace;
  /** Null: of the whole workspace. */
  info: DocumentInfo | null;
  open: boolean;
  onOpen: (open: boolean) => void;
}
export const ShareDialog: ComponentType<ShareDialogProps> = lazy(() =>
  import("../people/share_dialog").then((part) => ({ default: part.ShareDialog })),
);

export const MeshDot = lazy(() => import("../mesh/mesh_dot").then(({ MeshDot }) => ({ default: MeshDot })));
