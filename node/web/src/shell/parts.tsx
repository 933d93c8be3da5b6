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

export const AvatarStack: ComponentType = none;
export const ChatPanel: ComponentType = none;
export const CommentsPanel: ComponentType = none;
export const CommentMargin: ComponentType = none;
export const PeoplePanel: ComponentType = none;
export const HistoryPanel: ComponentType = none;
export const AuthorshipToggle: ComponentType = none;

export interface ShareDialogProps {
  workspace: Workspace;
  /** Null: of the whole workspace. */
  info: DocumentInfo | null;
  open: boolean;
  onOpen: (open: boolean) => void;
}
export const ShareDialog: ComponentType<ShareDialogProps> = none;

export const MeshDot = lazy(() => import("../mesh/mesh_dot").then(({ MeshDot }) => ({ default: MeshDot })));
