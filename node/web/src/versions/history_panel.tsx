// The timeline of a document's versions, beside it.

import { ChevronRight, Filter, History, MoreHorizontal } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";

import { useOpenDocument } from "../shell/open_document";
import { versions as strings } from "../strings/versions";
import { Avatar, Button, Empty, fullTime, IconButton, Menu, MenuItem, MenuLine, Notice } from "../ui/kit";
import { useVersionActions, type VersionActions } from "./dialogs";
import css from "./history_panel.module.css";
import { dayTitle, labelOf, momentTitle } from "./labels";
import { type Look, useLook } from "./look";
import { type Writer, type Writers, writersOf } from "./people";
import { before, byAuthor, type Entry, inOrder, type Item, newSince, now, timeline } from "./timeline";
import { useVersionList, type VersionListState } from "./version_list";

export default function HistoryPanel() {
  const { info, session } = useOpenDocument();
  const found = useVersionList(info?.id ?? null, session.doc);
  if (info === null || found.entries?.length === 0) return <NoVersions />;
  if (found.entries === null) {
    if (found.error === null) return <p className={css.loading}>{strings.loading}</p>;
    return <Failed why={found.error} onRetry={() => void found.list?.refresh()} />;
  }
  return <Panel document={info.id} state={found} entries={found.entries} />;
}

const NoVersions = () => (
  <Empty icon={<History />} title={strings.none}>
    <p>{strings.noneAbout}</p>
  </Empty>
);

const Failed = ({ why, onRetry }: { why: string; onRetry: () => void }) => (
  <Notice
    tone="bad"
    action={
      <Button small onClick={onRetry}>
        {strings.tryAgain}
      </Button>
    }
  >
    {why}
  </Notice>
);

interface PanelProps {
  document: string;
  state: ReturnType<typeof useVersionList>;
  entries: Entry[];
}

function Panel({ document, state, entries }: PanelProps) {
  const { session } = useOpenDocument();
  const { writers, list, error, more } = state;
  const [look, setLook] = useLook(session.doc);
  const [author, setAuthor] = useState<Writer | null>(null);
  const actions = useVersionActions(
    document,
    () => void list?.refresh(),
    () => setLook(null),
  );
  const shown = useMemo(
    () => (author ? byAuthor(entries, (device) => writers.of(device).id === author.id) : entries),
    [entries, writers, author],
  );

  return (
    <div className={css.panel}>
      <div className={css.head}>
        <AuthorFilter entries={entries} writers={writers} author={author} onAuthor={setAuthor} />
      </div>
      {error !== null && <Failed why={error} onRetry={() => void list?.refresh()} />}
      <Timeline
        all={entries}
        shown={shown}
        filtered={author !== null}
        writers={writers}
        look={look}
        onLook={setLook}
        actions={actions}
      />
      <div className={css.foot}>
        {more > 0 && (
          <Button small onClick={() => list?.loadMore()}>
            {strings.loadMore}
          </Button>
        )}
        <SealedNote state={state} />
        <p className={css.hint}>{strings.hint}</p>
      </div>
      <Announcer entries={entries} look={look} />
      {actions.dialog}
    </div>
  );
}

function SealedNote({ state: { sealed } }: { state: VersionListState }) {
  return sealed.sealed > 0 ? <p className={css.hint}>{strings.sealed(fullTime(sealed.sealed_until))}</p> : null;
}

interface AuthorFilterProps {
  entries: Entry[];
  writers: Writers;
  author: Writer | null;
  onAuthor: (author: Writer | null) => void;
}

function AuthorFilter({ entries, writers, author, onAuthor }: AuthorFilterProps) {
  const all = useMemo(() => writersOf(entries.flatMap(({ authors }) => authors), writers), [entries, writers]);
  return (
    <Menu
      button={
        <Button small look="quiet" aria-label={`${strings.filter}: ${author?.name ?? strings.everybody}`}>
          {author ? <Avatar {...author} size={18} /> : <Filter />}
          <span className={css.filterName}>{author?.name ?? strings.everybody}</span>
        </Button>
      }
    >
      <MenuItem checked={author === null} onSelect={() => onAuthor(null)}>
        {strings.everybody}
      </MenuItem>
      <MenuLine />
      {all.map((one) => (
        <MenuItem key={one.id} checked={author?.id === one.id} onSelect={() => onAuthor(one)}>
          <Avatar {...one} size={18} />
          {one.name}
        </MenuItem>
      ))}
    </Menu>
  );
}

interface TimelineProps {
  all: Entry[];
  shown: Entry[];
  filtered: boolean;
  writers: Writers;
  look: Look | null;
  onLook: (look: Look | null) => void;
  actions: VersionActions;
}

function Timeline({ all, shown, filtered, writers, look, onLook, actions }: TimelineProps) {
  const days = useMemo(() => timeline(shown, !filtered), [shown, filtered]);
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const [focused, setFocused] = useState(now);
  const list = useRef<HTMLDivElement>(null);

  /** What is looked at is never hidden. */
  const isOpen = ({ at, under }: Item) => under.length > 0 && (expanded.has(at) || under.some((one) => one.at === look?.at || one.at === look?.base));
  const toggle = (item: Item, open: boolean) => {
    const next = new Set(expanded);
    if (open) next.add(item.at);
    else next.delete(item.at);
    setExpanded(next);
  };
  const items = days.flatMap((day) => day.items);
  const rows = items.flatMap((item) => [item, ...(isOpen(item) ? item.under : [])]);
  // The one that was focused may be gone: filtered, or in a later version.
  const current = rows.some(({ at }) => at === focused) ? focused : (rows[0]?.at ?? now);

  const compare = (at: string, other: string) => {
    if (at === other) return onLook(at === now ? null : { at, base: null });
    const [base, newer] = inOrder(all, at, other);
    onLook({ at: newer, base });
  };
  const open = (at: string) => onLook(at === now ? null : { at, base: null });
  /** Where a choice of two began: what is looked at alone, else the row itself. */
  const anchor = useRef<string | null>(null);
  const extend = (at: string, from: string) => {
    anchor.current ??= look && look.base === null ? look.at : from;
    compare(anchor.current, at);
  };
  useEffect(() => {
    if (look?.base == null) anchor.current = null;
  }, [look]);

  const focus = (at: string) => {
    setFocused(at);
    list.current?.querySelector<HTMLElement>(`[data-version="${CSS.escape(at)}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target as HTMLElement).dataset["version"]) return;
    const index = rows.findIndex(({ at }) => at === current);
    const item = items.find(({ at }) => at === current);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, Home: -rows.length, End: rows.length };
    const step = steps[event.key];
    if (step !== undefined) {
      const next = rows[Math.max(0, Math.min(rows.length - 1, index + step))];
      if (!next) return;
      if (event.shiftKey) extend(next.at, current);
      focus(next.at);
    } else if (event.key === "ArrowRight" && item && item.under.length > 0) toggle(item, true);
    else if (event.key === "ArrowLeft" && item && isOpen(item)) toggle(item, false);
    else if (event.key === "Escape" && look) onLook(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const [older, newer] = look?.base == null ? [null, null] : inOrder(all, look.at, look.base);
  const row = (entry: Entry, day: number) => (
    <Row
      entry={entry}
      side={entry.at === older ? strings.older : entry.at === newer ? strings.newer : null}
      beside={day}
      writers={writers}
      look={look}
      tabbable={entry.at === current}
      onFocus={() => setFocused(entry.at)}
      onOpen={(event) => (event.shiftKey ? extend(entry.at, now) : open(entry.at))}
      onCompare={(other) => compare(entry.at, other)}
      previous={before(all, entry.at)}
      actions={actions}
    />
  );

  return (
    <div ref={list} className={css.list} role="group" aria-label={strings.history} onKeyDown={onKeyDown}>
      {days.map((day) => (
        <section key={day.key} aria-label={dayTitle(day.time)}>
          <h2 className={css.day}>{dayTitle(day.time)}</h2>
          <ol>
            {day.items.map((item) => (
              <li key={item.at} className={css.item}>
                {row(item, day.time)}
                {item.under.length > 0 && (
                  <button
                    type="button"
                    className={css.fold}
                    aria-expanded={isOpen(item)}
                    aria-label={isOpen(item) ? strings.collapse(labelOf(item)) : strings.expand(labelOf(item), item.under.length)}
                    onClick={() => toggle(item, !isOpen(item))}
                  >
                    <ChevronRight aria-hidden="true" />
                    {strings.under(item.under.length)}
                  </button>
                )}
                {isOpen(item) && (
                  <ol className={css.under}>
                    {item.under.map((entry) => (
                      <li key={entry.at}>{row(entry, day.time)}</li>
                    ))}
                  </ol>
                )}
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

interface RowProps {
  entry: Entry;
  /** A moment of the day that it is listed under. */
  beside: number;
  writers: Writers;
  look: Look | null;
  /** Which of two that are compared it is. */
  side: string | null;
  tabbable: boolean;
  onFocus: () => void;
  onOpen: (event: MouseEvent) => void;
  onCompare: (other: string) => void;
  previous: Entry | null;
  actions: VersionActions;
}

function Row({ entry, beside, writers, look, side, tabbable, onFocus, onOpen, onCompare, previous, actions }: RowProps) {
  const { mayEdit } = useOpenDocument();
  const authors = writersOf(entry.authors, writers);
  const chosen = look === null ? entry.current : look.at === entry.at || look.base === entry.at;
  const moment = momentTitle(entry.time, beside);
  const title = entry.name ?? (entry.current ? strings.current : moment);
  const tabIndex = tabbable ? 0 : -1;
  const open = look && look.base === null && look.at !== entry.at ? look.at : null;

  return (
    <div className={css.row} data-chosen={chosen || undefined}>
      <button
        type="button"
        className={css.open}
        data-version={entry.at}
        aria-pressed={chosen}
        tabIndex={tabIndex}
        onFocus={onFocus}
        onClick={onOpen}
      >
        <span className={css.title}>
          <span className={css.name}>{title}</span>
          {side && <span className={css.tag}>{side}</span>}
          {entry.name !== null && entry.current && !side && <span className={css.tag}>{strings.current}</span>}
        </span>
        {(entry.name !== null || entry.current) && <span className={css.when}>{moment}</span>}
        {authors.length > 0 ? (
          <Authors authors={authors} />
        ) : (
          entry.namedBy !== null && <span className={css.who}>{strings.namedBy(writers.of(entry.namedBy).name)}</span>
        )}
        <Amount inserted={entry.inserted} deleted={entry.deleted} />
      </button>
      <Menu
        align="end"
        button={
          <IconButton small label={strings.more(labelOf(entry))} className={css.more} tabIndex={tabIndex}>
            <MoreHorizontal />
          </IconButton>
        }
      >
        {previous && <MenuItem onSelect={() => onCompare(previous.at)}>{strings.compareWithPrevious}</MenuItem>}
        {!entry.current && <MenuItem onSelect={() => onCompare(now)}>{strings.compareWithCurrent}</MenuItem>}
        {open !== null && open !== now && <MenuItem onSelect={() => onCompare(open)}>{strings.compareWithOpen}</MenuItem>}
        {mayEdit && (
          <>
            <MenuLine />
            <MenuItem onSelect={() => actions.name(entry)}>{entry.name === null ? strings.name : strings.rename}</MenuItem>
            {entry.name !== null && <MenuItem onSelect={() => actions.removeName(entry)}>{strings.removeName}</MenuItem>}
            {!entry.current && <MenuItem onSelect={() => actions.restore(entry)}>{strings.restore}</MenuItem>}
          </>
        )}
      </Menu>
    </div>
  );
}

const avatarsMax = 3;

function Authors({ authors }: { authors: Writer[] }) {
  const some = authors.slice(0, avatarsMax);
  const others = authors.length - some.length;
  const names = [...some.map(({ name }) => name), ...(others > 0 ? [strings.moreAuthors(others)] : [])];
  return (
    <span className={css.who}>
      <span className={css.avatars}>
        {some.map((one) => (
          <Avatar key={one.id} {...one} size={18} />
        ))}
      </span>
      <span className={css.names}>{others > 0 ? names.join(", ") : strings.list(names)}</span>
    </span>
  );
}

function Amount({ inserted, deleted }: { inserted: number | null; deleted: number | null }) {
  if (inserted === null || deleted === null) return null;
  return (
    <span className={css.amount}>
      <span className="visually-hidden">
        {strings.added(inserted)}, {strings.removed(deleted)}
      </span>
      <span aria-hidden="true" className={css.added}>
        +{inserted.toLocaleString("en")}
      </span>
      {deleted > 0 && (
        <span aria-hidden="true" className={css.removed}>
          −{deleted.toLocaleString("en")}
        </span>
      )}
    </span>
  );
}

/** Says what is looked at, and that new versions came. */
function Announcer({ entries, look }: { entries: Entry[]; look: Look | null }) {
  const [said, setSaid] = useState("");
  const known = useRef(entries);
  const looked = useRef(look);
  const labelAt = (at: string) => {
    const entry = entries.find((one) => one.at === at);
    return entry ? labelOf(entry) : at.slice(0, 8);
  };
  useEffect(() => {
    const count = newSince(entries, known.current);
    known.current = entries;
    if (count > 0) setSaid(strings.appeared(count));
  }, [entries]);
  useEffect(() => {
    if (looked.current === look) return;
    looked.current = look;
    if (!look) setSaid(strings.announceNow);
    else if (look.base === null) setSaid(strings.announceOne(labelAt(look.at)));
    else setSaid(strings.announceTwo(...(inOrder(entries, look.at, look.base).map(labelAt) as [string, string])));
  }, [look]);
  return (
    <p className="visually-hidden" role="status">
      {said}
    </p>
  );
}
