export const kit = {
  close: "Close",
  justNow: "just now",
} as const;
