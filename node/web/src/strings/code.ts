export const code = {
  textOf: (path: string) => `Text of ${path}`,
  undo: "Undo",
  redo: "Redo",
  writtenBy: (name: string) => `Written by ${name}`,
} as const;
