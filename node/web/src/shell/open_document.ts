// What every panel beside an open document works with.

import { createContext, useContext } from "react";

import type { DocumentInfo, Workspace } from "../api";
import type { EditorHandle } from "../editor/handle";
import type { Person } from "../person";
import type { Room, RoomState } from "../room";
import type { Session, SessionView } from "../sync";

export interface OpenDocument {
  workspace: Workspace;
  /** Null until the node has made it, at its first edit. */
  info: DocumentInfo | null;
  session: Session;
  view: SessionView;
  /** Null as long as `info` is. */
  room: Room | null;
  roomState: RoomState;
  /** Null until it is loaded. */
  editor: EditorHandle | null;
  person: Person;
  onPerson: (person: Person) => void;
  /** "host", "editor", "commenter" or "viewer", in this document. */
  role: string;
  mayEdit: boolean;
  mayComment: boolean;
  rich: boolean;
}

export const OpenDocumentContext = createContext<OpenDocument | null>(null);

export function useOpenDocument(): OpenDocument {
  const open = useContext(OpenDocumentContext);
  if (!open) throw new Error("there is no open document here");
  return open;
}
