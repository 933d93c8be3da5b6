// Code and plain text of another time, alone or beside another version.

import { useEffect, useRef } from "react";

import { versions as strings } from "../strings/versions";
import type { Changes } from "./changes";
import css from "./code_version.module.css";
import type { Content } from "./content";
import { type Shown, type ShownDiff, showDiff, showText } from "./monaco_diff";

export interface VersionViewProps {
  path: string;
  language: string | undefined;
  before: Content | null;
  beforeLabel: string;
  after: Content;
  afterLabel: string;
  onChanges: (changes: Changes | null) => void;
}

/** `key` it by the two versions: texts may change, what they are may not. */
export default function CodeVersion(props: VersionViewProps) {
  const { path, language, before, after } = props;
  const container = useRef<HTMLDivElement>(null);
  const shown = useRef<Shown | null>(null);
  const diff = useRef<ShownDiff | null>(null);
  const first = useRef(props);
  first.current = props;
  const comparing = before !== null;

  useEffect(() => {
    const element = container.current as HTMLDivElement;
    const { before, beforeLabel, after, afterLabel } = first.current;
    const newer = { text: after.text, label: strings.textOf(afterLabel) };
    if (before) {
      diff.current = showDiff(element, path, language, {
        before: { text: before.text, label: strings.textOf(beforeLabel) },
        after: newer,
        onChanges: (changes) => first.current.onChanges(changes),
      });
    } else {
      shown.current = showText(element, path, language, newer);
      first.current.onChanges(null);
    }
    return () => {
      shown.current?.dispose();
      diff.current?.dispose();
      shown.current = diff.current = null;
    };
  }, [path, language, comparing]);

  useEffect(() => {
    shown.current?.set(after.text);
    if (before) diff.current?.set(before.text, after.text);
  }, [before, after]);

  return <div ref={container} className={css.code} />;
}
