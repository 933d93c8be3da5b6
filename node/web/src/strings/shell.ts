import type { Connection } from "../sync";

const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export const shell = {
  product: "Coterie",
  home: "All documents",
  skip: "Skip to the text",
  loading: "Loading…",
  tryAgain: "Try again",
  share: "Share",
  more: "More",
  rename: "Rename",
  renameHint: "Enter keeps it, Escape does not.",
  panels: "Beside the text",
  closePanel: "Close the panel",
  comments: "Comments",
  chat: "Chat",
  people: "People",
  history: "Version history",
  historyTab: "History",
  commands: "Commands and documents",
  undo: "Undo",
  redo: "Redo",
  find: "Find in the text",
  theme: { title: "Appearance", system: "As the system", light: "Light", dark: "Dark" },
  copyLink: "Copy link",
  copied: "Copied.",

  connection: {
    connected: "Connected",
    http: "Connected by HTTP",
    connecting: "Connecting…",
    offline: "Offline, trying again",
    refused: "Not connected",
  } satisfies Record<Connection, string>,
  connectionAbout: {
    connected: "What others write appears at once.",
    http: "Something between here and the node blocks WebSockets. Everything works, a second or two later.",
    connecting: "Looking for the node.",
    offline: "The node does not answer. You can go on writing: this browser keeps it and sends it later.",
    refused: "The node ended the connection.",
  } satisfies Record<Connection, string>,

  saving: "Saving…",
  savedNow: "Saved",
  savedAgo: (seconds: number) => `Saved ${seconds} s ago`,
  savedOn: (devices: number) => `Saved · on ${count(devices, "device", "devices")}`,
  savedOffline: "Offline: all is saved",
  waiting: (edits: number) => `Offline: ${count(edits, "edit waits", "edits wait")}`,
  savingAbout: "The newest changes are on their way to this node’s disk.",
  savedAbout: "Everything you changed is on this node’s disk.",
  savedOnAbout: (devices: number, members: number) =>
    `Everything is on the disk of ${count(devices, "device", "devices")} of ${members} in this workspace.`,
  savedOfflineAbout: "Everything you changed had been saved before the connection was lost.",
  waitingAbout: "This browser keeps them, also over a reload, and sends them when the node is back.",

  readOnly: "View only",
  commentOnly: "Comment only",
  readOnlyBecause: (role: string) =>
    role === "commenter"
      ? "You may read, comment and suggest here. A host can let you edit."
      : "You may read here. A host can let you comment or edit.",
  archived: "This document is archived.",
  editRefused: (why: string) => `The node did not take your last change: ${why}. This browser keeps it.`,
  copyText: "Copy the text",
  trouble: (why: string) => `Your changes are not saved yet and kept in this browser: ${why}.`,
  tokenExpired: "Your link has run out. Ask whoever sent it for another one, and open that.",
  madeAnew: "This document was made anew on the node without what you have here. Copy what you need, then load it.",
  loadAnew: "Load it anew",
  sessionEnded: "A host ended the session of this document.",

  noDocument: (path: string) => `There is no document “${path}” here yet.`,
  makeIt: "Make it",
  inTrash: (path: string) => `“${path}” is in the trash.`,
  restore: "Restore it",
  noWorkspace: (name: string) => `This node has no workspace “${name}”.`,
  needsToken: "This bridge lets people in by a link. Ask a host of the team for one.",
  unreachable: "This node does not answer.",
  unreachableAbout: "It may be stopped, or the network is away. The page tries again by itself.",

  words: (n: number) => count(n, "word", "words"),
  characters: (n: number) => count(n, "character", "characters"),
  lineColumn: (line: number, column: number) => `Line ${line}, column ${column}`,

  joined: (name: string) => `${name} is here.`,
  left: (name: string) => `${name} left.`,
  edits: (name: string) => `${name} is writing.`,
  lostConnection: "The connection to the node is lost. You can go on writing.",
  connectionBack: "Connected again.",

  palette: {
    label: "Commands",
    placeholder: "Type a command or a document’s name",
    nothing: "Nothing found.",
    here: "In this document",
    documents: "Documents",
    page: "This page",
  },
} as const;
