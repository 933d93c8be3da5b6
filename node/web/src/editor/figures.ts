// Words and characters of a text, counted when there is time: a megabyte takes some tens of milliseconds.

interface Countable {
  getLineCount(): number;
  getLineContent(line: number): string;
  getValueLength(): number;
}

/** Between a change and the count after it, and at most this part of the time. */
const restMs = 400;
const busyShare = 1 / 50;
/** Of one piece of the count: less than a frame. */
const pieceMs = 3;
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
/** Beyond, words are what is between spaces: a segmenter takes seconds for a megabyte. */
const segmentedMax = 50_000;

export function countWords(text: string, segmented: boolean): number {
  if (!segmented) return text.match(/\S+/gu)?.length ?? 0;
  let words = 0;
  for (const { isWordLike } of segmenter.segment(text)) if (isWordLike) words += 1;
  return words;
}

export class Figures {
  /** Of the last count; null before the first. */
  words: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private again = false;
  private spentMs = 0;

  constructor(
    private readonly text: Countable,
    private readonly onCounted: () => void,
  ) {
    this.timer = setTimeout(() => this.count(1, 0));
  }

  changed(): void {
    // A count that others write into ends all the same, and is made again.
    if (this.timer !== undefined) this.again = true;
    else this.timer = setTimeout(() => this.count(1, 0), Math.max(restMs, this.spentMs / busyShare));
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private count(line: number, words: number): void {
    if (line === 1) {
      this.again = false;
      this.spentMs = 0;
    }
    const segmented = this.text.getValueLength() <= segmentedMax;
    const from = performance.now();
    const lines = this.text.getLineCount();
    for (; line <= lines; ++line) {
      words += countWords(this.text.getLineContent(line), segmented);
      if (line % 64 === 0 && performance.now() > from + pieceMs) break;
    }
    this.spentMs += performance.now() - from;
    if (line <= lines) {
      this.timer = setTimeout(() => this.count(line + 1, words));
      return;
    }
    this.timer = undefined;
    this.words = words;
    this.onCounted();
    if (this.again) this.changed();
  }
}
