// Rich text of another time, alone or beside another version.

import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import type * as Y from "yjs";

import { useOpenDocument } from "../shell/open_document";
import { versions as strings } from "../strings/versions";
import type { VersionViewProps } from "./code_version";
import type { Content } from "./content";
import { align, type Row, type Span, wordChanges } from "./rich_diff";
import { mark, type RichVersion, richVersion, richVersionOf } from "./rich_version";
import css from "./rich_version_view.module.css";

const versionOf = ({ update }: Content, doc: Y.Doc) => (update === null ? richVersion(doc) : richVersionOf(update));

export default function RichVersionView(props: VersionViewProps) {
  const { session } = useOpenDocument();
  const { before, after, onChanges } = props;
  const newer = useMemo(() => versionOf(after, session.doc), [after, session]);
  const older = useMemo(() => (before ? versionOf(before, session.doc) : null), [before, session]);
  useEffect(() => {
    if (!older) onChanges(null);
  }, [older, onChanges]);
  return older ? <Compared {...props} older={older} newer={newer} /> : <Alone version={newer} label={props.afterLabel} />;
}

function Alone({ version, label }: { version: RichVersion; label: string }) {
  return (
    <div className={css.scroll} tabIndex={0} role="region" aria-label={strings.textOf(label)}>
      <div className={css.page}>
        {version.blocks.length === 0 && <p className={css.empty}>{strings.emptyVersion}</p>}
        {version.blocks.map((block, index) => (
          <BlockView key={`${index} ${block.key}`} version={version} index={index} />
        ))}
      </div>
    </div>
  );
}

type ComparedProps = VersionViewProps & { older: RichVersion; newer: RichVersion };

function Compared({ older, newer, beforeLabel, afterLabel, onChanges }: ComparedProps) {
  const rows = useMemo(() => align(older.blocks, newer.blocks), [older, newer]);
  const [active, setActive] = useState<number | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const changed = useMemo(() => rows.flatMap(({ kind }, index) => (kind === "same" ? [] : [index])), [rows]);

  useEffect(() => {
    setActive(null);
    onChanges({
      count: changed.length,
      show: (index) => {
        const row = changed[index];
        if (row === undefined) return;
        setActive(row);
        list.current?.children[row]?.scrollIntoView({ block: "center" });
      },
    });
  }, [changed, onChanges]);

  return (
    <div className={css.scroll} tabIndex={0} role="region" aria-label={strings.announceTwo(beforeLabel, afterLabel)}>
      <div className={css.columns} ref={list as RefObject<HTMLDivElement>}>
        {rows.map((row, index) => (
          <RowView
            key={`${index} ${row.before === null ? "" : older.blocks[row.before]?.key} ${row.after === null ? "" : newer.blocks[row.after]?.key}`}
            row={row}
            older={older}
            newer={newer}
            active={active === index}
          />
        ))}
      </div>
    </div>
  );
}

const rowTexts = {
  same: null,
  added: strings.blockAdded,
  removed: strings.blockRemoved,
  changed: strings.blockChanged,
  format: strings.blockFormat,
} as const;

interface RowViewProps {
  row: Row;
  older: RichVersion;
  newer: RichVersion;
  active: boolean;
}

function RowView({ row: { kind, before, after }, older, newer, active }: RowViewProps) {
  const words = useMemo(() => {
    if (kind !== "changed" || before === null || after === null) return null;
    return wordChanges(older.blocks[before]?.text ?? "", newer.blocks[after]?.text ?? "");
  }, [kind, before, after, older, newer]);
  return (
    <div className={css.row} data-kind={kind} data-active={active || undefined}>
      {rowTexts[kind] && <span className="visually-hidden">{rowTexts[kind]}:</span>}
      {/* Where nothing differs it is read once. */}
      <div className={css.cell} data-side="before" aria-hidden={kind === "same" || undefined}>
        {before !== null && <BlockView version={older} index={before} spans={words?.before} tag="del" />}
      </div>
      <div className={css.cell} data-side="after">
        {after !== null && <BlockView version={newer} index={after} spans={words?.after} tag="ins" />}
        {kind === "format" && <span className={css.note}>{strings.blockFormat}</span>}
      </div>
    </div>
  );
}

interface BlockViewProps {
  version: RichVersion;
  index: number;
  spans?: readonly Span[] | undefined;
  tag?: "ins" | "del";
}

function BlockView({ version, index, spans, tag = "ins" }: BlockViewProps) {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = version.render(index);
    if (spans) mark(element, spans, tag);
    container.current?.replaceChildren(element);
  }, [version, index, spans, tag]);
  return <div ref={container} className={css.block} />;
}
