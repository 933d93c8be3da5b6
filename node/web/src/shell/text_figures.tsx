// Words, characters and the caret's place, in the bar below the text.

import { useSyncExternalStore } from "react";

import type { TextFigures } from "../editor/handle";
import { languageTitle } from "../home/kinds";
import { Later, shownAfterMs } from "../later";
import { shell } from "../strings/shell";
import css from "./shell.module.css";

export class FiguresSource {
  private last: TextFigures | null = null;
  private shown: TextFigures | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly showLater = new Later(() => {
    this.shown = this.last;
    for (const listener of this.listeners) listener();
  }, shownAfterMs);

  readonly set = (figures: TextFigures): void => {
    this.last = figures;
    this.showLater.ask();
  };

  /** Shape of useSyncExternalStore. */
  readonly get = (): TextFigures | null => this.shown;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
}

export function Figures({ source }: { source: FiguresSource }) {
  const figures = useSyncExternalStore(source.subscribe, source.get);
  if (!figures) return null;
  return (
    <>
      <span>{shell.words(figures.words)}</span>
      <span className={css.wideOnly}>{shell.characters(figures.characters)}</span>
      {figures.line !== undefined && figures.column !== undefined && (
        <span className={css.wideOnly}>{shell.lineColumn(figures.line, figures.column)}</span>
      )}
      {figures.language && <span className={css.wideOnly}>{languageTitle(figures.language)}</span>}
    </>
  );
}
