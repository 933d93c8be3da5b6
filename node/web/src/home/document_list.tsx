import { ArrowDown, ArrowUp, MoreHorizontal, Users } from "lucide-react";
import { type CSSProperties, type KeyboardEvent, memo, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";

import type { DocumentInfo } from "../api";
import { splitPath } from "../route";
import { home as words } from "../strings/home";
import { Avatar, Time, Tip } from "../ui/kit";
import { KindIcon } from "./kind_icon";
import { kindOf, languageTitle } from "./kinds";
import css from "./list.module.css";
import { type Row, shownName, type Sort, type SortKey } from "./listing";
import { extended, only, type Selection, toggled } from "./selection";
import { type Here, useHere } from "./use_here";
import { useNarrow } from "./use_media";
import { folderTarget } from "./use_row_drag";
import { useRowWindow } from "./use_row_window";

const rowHeights = { wide: 40, narrow: 56 };
const facesMax = 3;
const nobody: readonly Here[] = [];

export interface DocumentListProps {
  workspace: string;
  label: string;
  rows: readonly Row[];
  /** From many folders: each row says its own. */
  flat: boolean;
  /** Null: the order is the list's own. */
  sort: Sort | null;
  onSort: (sort: Sort) => void;
  timeTitle: string;
  timeOf: (row: Row) => number;
  hrefOf: (row: Row) => string;
  selection: Selection;
  onSelection: (selection: Selection) => void;
  onMenu: (row: Row, at: { x: number; y: number }) => void;
  onRename: (row: Row) => void;
  onTrash: (rows: readonly Row[]) => void;
  /** Rows can be dragged (use_row_drag.ts). */
  movable: boolean;
}

export const rowName = (row: Row) => (row.type === "folder" ? row.folder.name : shownName(row.document));

/** The row that has the focus, or had it last. */
export const focusedRow = () => document.querySelector<HTMLElement>("[data-row][tabindex='0']");

export function DocumentList(props: DocumentListProps) {
  const { rows, selection, onSelection, hrefOf } = props;
  const narrow = useNarrow();
  const rowHeight = narrow ? rowHeights.narrow : rowHeights.wide;
  const { scroller, first, last, reveal } = useRowWindow(rows.length, rowHeight);
  const order = useMemo(() => rows.map(({ key }) => key), [rows]);
  const [activeKey, setActiveKey] = useState<string | null>(null);
  const active = Math.max(0, activeKey === null ? 0 : order.indexOf(activeKey));
  // Set by a key: the row may be drawn only after scrolling.
  const wantsFocus = useRef(false);

  useEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    scroller.current?.querySelector<HTMLElement>(`[data-index="${active}"]`)?.focus({ preventScroll: true });
  });

  // The row that had the focus may be gone: its place has it then.
  const lastActive = useRef(0);
  const hadFocus = useRef(false);
  useEffect(() => {
    const isGone = activeKey !== null && !order.includes(activeKey);
    if (!isGone) lastActive.current = active;
    else if (hadFocus.current && document.activeElement === document.body) {
      // By the effect above, once it is the active one.
      wantsFocus.current = true;
      setActiveKey(order[Math.min(lastActive.current, order.length - 1)] ?? null);
    }
  }, [order, activeKey, active]);

  const shown = useMemo(() => {
    const indexes = Array.from({ length: last - first }, (_, index) => first + index);
    // The one that Tab comes back to is always drawn.
    if (rows.length > 0 && (active < first || active >= last)) indexes.push(active);
    return indexes.flatMap((index) => (rows[index] ? [{ index, row: rows[index] }] : []));
  }, [rows, first, last, active]);
  const onScreen = useMemo(
    () => shown.flatMap(({ row }) => (row.type === "document" ? [row.document] : [])),
    [shown],
  );
  const here = useHere(props.workspace, onScreen);
  const anybodyHere = here.size > 0 || rows.some((row) => row.type === "document" && row.document.clients > 0);

  const go = (index: number, event: KeyboardEvent) => {
    const to = Math.min(rows.length - 1, Math.max(0, index));
    const key = order[to];
    if (key === undefined) return;
    event.preventDefault();
    if (event.shiftKey) onSelection(extended(selection.anchor === null ? only(order[active] ?? key) : selection, key, order));
    reveal(to);
    wantsFocus.current = true;
    setActiveKey(key);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[active];
    if (!row || !(event.target as HTMLElement).matches("[data-row]")) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1);
    const chosen = selection.keys.size > 0 ? rows.filter(({ key }) => selection.keys.has(key)) : [row];
    switch (event.key) {
      case "ArrowDown": return go(active + 1, event);
      case "ArrowUp": return go(active - 1, event);
      case "PageDown": return go(active + page, event);
      case "PageUp": return go(active - page, event);
      case "Home": return go(0, event);
      case "End": return go(rows.length - 1, event);
      case "Enter":
        if (event.ctrlKey || event.metaKey) window.open(hrefOf(row), "_blank", "noopener");
        else location.hash = hrefOf(row);
        return;
      case " ":
        event.preventDefault();
        return onSelection(toggled(selection, row.key));
      case "a":
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        return onSelection({ keys: new Set(order), anchor: row.key });
      case "Escape":
        return onSelection({ keys: new Set(), anchor: null });
      case "F2":
        event.preventDefault();
        return props.onRename(row);
      case "Delete":
        event.preventDefault();
        return props.onTrash(chosen);
      case "F10":
      case "ContextMenu": {
        if (event.key === "F10" && !event.shiftKey) return;
        event.preventDefault();
        const { left, bottom } = (event.target as HTMLElement).getBoundingClientRect();
        return props.onMenu(row, { x: left + 48, y: bottom - 8 });
      }
    }
  };

  // Rows are drawn anew only when they changed: what they call is always the same.
  const latest = useRef({ selection, onSelection, order, hrefOf, onMenu: props.onMenu });
  latest.current = { selection, onSelection, order, hrefOf, onMenu: props.onMenu };
  const handlers = useMemo<RowHandlers>(() => {
    const pick = (row: Row, range: boolean) => {
      const now = latest.current;
      now.onSelection(range ? extended(now.selection, row.key, now.order) : toggled(now.selection, row.key));
    };
    return {
      pick,
      focus: ({ key }) => setActiveKey(key),
      menu: (row, at) => {
        setActiveKey(row.key);
        latest.current.onMenu(row, at);
      },
      click: (row, event) => {
        setActiveKey(row.key);
        if (event.ctrlKey || event.metaKey || event.shiftKey) {
          event.preventDefault();
          pick(row, event.shiftKey);
        } else if (!(event.target as HTMLElement).closest("a, button, input, label")) {
          location.hash = latest.current.hrefOf(row);
        }
      },
    };
  }, []);

  const style = { "--row": `${rowHeight}px` } as CSSProperties;
  return (
    <div
      className={css.grid}
      role="grid"
      aria-label={words.listOf(props.label, rows.length)}
      aria-rowcount={rows.length + 1}
      aria-multiselectable="true"
      data-selecting={selection.keys.size > 0}
      data-here={anybodyHere}
      style={style}
      onKeyDown={onKeyDown}
      onFocus={() => (hadFocus.current = true)}
      // Not when a row that has it is taken away: then the focus goes nowhere.
      onBlur={({ relatedTarget }) => relatedTarget && (hadFocus.current = false)}
    >
      <div role="rowgroup" className={css.head}>
        <div role="row" aria-rowindex={1} className={css.row}>
          <span role="columnheader" className={css.pick}>
            <span className="visually-hidden">{words.columns.select}</span>
          </span>
          <SortHeader column="name" title={words.columns.name} {...props} />
          <SortHeader column="kind" title={words.columns.kind} {...props} />
          <span role="columnheader" className={css.here}>
            {words.columns.here}
          </span>
          <SortHeader column="changed" title={props.timeTitle} {...props} />
          <span role="columnheader" className={css.more}>
            <span className="visually-hidden">{words.columns.actions}</span>
          </span>
        </div>
      </div>
      <div role="rowgroup" className={css.scroller} ref={scroller}>
        <div role="none" className={css.rows} style={{ height: rows.length * rowHeight }}>
          {shown.map(({ index, row }) => (
            <RowLine
              key={row.key}
              row={row}
              index={index}
              top={index * rowHeight}
              href={hrefOf(row)}
              time={props.timeOf(row)}
              flat={props.flat}
              movable={props.movable}
              active={index === active}
              selected={selection.keys.has(row.key)}
              here={here.get(row.key) ?? nobody}
              handlers={handlers}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function SortHeader({ column, title, sort, onSort }: Pick<DocumentListProps, "sort" | "onSort"> & { column: SortKey; title: string }) {
  const current = sort?.key === column;
  const order = current ? (sort.descending ? "descending" : "ascending") : undefined;
  return (
    <span role="columnheader" className={css[column]} {...(order ? { "aria-sort": order } : {})}>
      {sort ? (
        <button
          type="button"
          title={words.sortBy(title)}
          // Times are looked at newest first.
          onClick={() => onSort({ key: column, descending: current ? !sort.descending : column === "changed" })}
        >
          {title}
          {current && (sort.descending ? <ArrowDown aria-hidden="true" /> : <ArrowUp aria-hidden="true" />)}
        </button>
      ) : (
        title
      )}
    </span>
  );
}

interface RowHandlers {
  click: (row: Row, event: MouseEvent) => void;
  focus: (row: Row) => void;
  pick: (row: Row, range: boolean) => void;
  menu: (row: Row, at: { x: number; y: number }) => void;
}

interface RowLineProps {
  row: Row;
  index: number;
  top: number;
  href: string;
  time: number;
  flat: boolean;
  movable: boolean;
  active: boolean;
  selected: boolean;
  here: readonly Here[];
  handlers: RowHandlers;
}

const RowLine = memo(function RowLine({ row, index, top, href, time, flat, movable, active, selected, here, handlers }: RowLineProps) {
  const name = rowName(row);
  const kind = row.type === "folder" ? "folder" : kindOf(row.document).kind;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      tabIndex={active ? 0 : -1}
      data-row
      data-index={index}
      draggable={movable}
      {...(row.type === "folder" ? folderTarget(row.folder.path) : {})}
      className={css.row}
      style={{ top }}
      onClick={(event) => handlers.click(row, event)}
      onFocus={() => handlers.focus(row)}
      onContextMenu={(event) => {
        event.preventDefault();
        handlers.menu(row, { x: event.clientX, y: event.clientY });
      }}
    >
      <span role="gridcell" className={css.pick}>
        <label>
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={words.select(name)}
            checked={selected}
            onChange={({ nativeEvent }) => handlers.pick(row, "shiftKey" in nativeEvent && nativeEvent.shiftKey === true)}
          />
        </label>
      </span>
      <span role="gridcell" className={css.name}>
        <KindIcon kind={kind} />
        <span className={css.nameText}>
          <a href={href} tabIndex={-1} title={row.type === "folder" ? row.folder.path : row.document.path} draggable={false}>
            {name}
          </a>
          <About row={row} flat={flat} time={time} />
        </span>
      </span>
      <span role="gridcell" className={css.kind}>
        {row.type === "folder" ? words.documents(row.folder.count) : kindText(row.document)}
      </span>
      <span role="gridcell" className={css.here}>
        {row.type === "document" && <Faces document={row.document} here={here} />}
      </span>
      <span role="gridcell" className={css.changed}>
        {time > 0 && <Time of={time} />}
      </span>
      <span role="gridcell" className={css.more}>
        <button
          type="button"
          tabIndex={-1}
          aria-label={words.actionsFor(name)}
          aria-haspopup="menu"
          onClick={(event) => {
            event.stopPropagation();
            const { left, bottom } = event.currentTarget.getBoundingClientRect();
            handlers.menu(row, { x: left, y: bottom });
          }}
        >
          <MoreHorizontal aria-hidden="true" />
        </button>
      </span>
    </div>
  );
});

function kindText(document: DocumentInfo): string {
  const { kind, language } = kindOf(document);
  return kind === "code" && language ? languageTitle(language) : words.kinds[kind];
}

/** What else tells it from others: its folder, or its file's name where it has a title. */
function About({ row, flat, time }: { row: Row; flat: boolean; time: number }) {
  const file = row.type === "document" ? splitPath(row.document.path) : null;
  const titled = row.type === "document" && row.document.title && file?.name !== row.document.title;
  const where = flat ? (titled ? (file?.folder ?? "") + (file?.name ?? "") : file?.folder) : titled ? file?.name : "";
  return (
    <>
      {where && <span className={css.where}>{where}</span>}
      {time > 0 && (
        <span className={css.narrowTime}>
          <Time of={time} />
        </span>
      )}
    </>
  );
}

function Faces({ document, here }: { document: DocumentInfo; here: readonly Here[] }) {
  if (here.length === 0) {
    if (document.clients === 0) return null;
    return (
      <Tip text={words.browsers(document.clients)}>
        <span className={css.clients}>
          <Users aria-hidden="true" />
          {document.clients}
          <span className="visually-hidden">{words.browsers(document.clients)}</span>
        </span>
      </Tip>
    );
  }
  const said = words.inItNow(here.map(({ name }) => name));
  return (
    <Tip text={said}>
      <span className={css.faces}>
        {here.slice(0, facesMax).map(({ id, name, color, status }) => (
          <Avatar key={id} name={name} color={color} status={status} size={22} />
        ))}
        {here.length > facesMax && <span className={css.moreFaces}>+{here.length - facesMax}</span>}
        <span className="visually-hidden">{said}</span>
      </span>
    </Tip>
  );
}
