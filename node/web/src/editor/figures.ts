// Words and characters of a text, counted when it rests: a megabyte takes some milliseconds.

interface Countable {
  getValue(): string;
  getValueLength(): number;
}

const restMs = 400;
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
/** Beyond, words are what is between spaces: a segmenter takes seconds for a megabyte. */
const segmentedMax = 50_000;

export function countWords(text: string): number {
  if (text.length > segmentedMax) return text.match(/\S+/gu)?.length ?? 0;
  let words = 0;
  for (const { isWordLike } of segmenter.segment(text)) if (isWordLike) words += 1;
  return words;
}

export class Figures {
  private words: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onCounted: () => void) {}

  changed(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.words = null;
      this.onCounted();
    }, restMs);
  }

  of(text: Countable): { words: number; characters: number } {
    this.words ??= countWords(text.getValue());
    return { words: this.words, characters: text.getValueLength() };
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
