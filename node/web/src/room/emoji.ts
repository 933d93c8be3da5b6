/** Offered first; others can be typed. */
export const emojis = ["👍", "❤️", "😄", "🎉", "👀", "✅", "🙏", "🤔", "😮", "🔥", "💯", "👎"] as const;

/** As the node has it, kReactionBytesMax. */
const bytesMax = 32;

/** The one emoji that `text` is; null where it is anything else. */
export function oneEmoji(text: string): string | null {
  const trimmed = text.trim();
  const letters = Array.from(new Intl.Segmenter("en", { granularity: "grapheme" }).segment(trimmed));
  if (letters.length !== 1 || new TextEncoder().encode(trimmed).length > bytesMax) return null;
  return /\p{Extended_Pictographic}|\p{Regional_Indicator}{2}|\u20e3/u.test(trimmed) ? trimmed : null;
}
