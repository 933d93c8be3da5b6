// Over the editor: a version of the document, alone or beside another one.

import { ArrowDown, ArrowLeft, ArrowUp, RotateCcw } from "lucide-react";
import { lazy, type RefObject, Suspense, useCallback, useEffect, useId, useRef, useState } from "react";

import { useOpenDocument } from "../shell/open_document";
import { versions as strings } from "../strings/versions";
import { Button, IconButton, inputClass, Notice } from "../ui/kit";
import type { Changes } from "./changes";
import css from "./compare_view.module.css";
import { useContent } from "./content";
import { useVersionActions } from "./dialogs";
import { labelOf, momentTitle } from "./labels";
import { type Look, useLook } from "./look";
import { writersOf } from "./people";
import { before, type Entry, inOrder, now } from "./timeline";
import { useVersionList } from "./version_list";

const CodeVersion = lazy(() => import("./code_version"));
const RichVersion = lazy(() => import("./rich_version_view"));

/** As in compare_view.module.css: there it covers the timeline, too. */
const phone = "(max-width: 760px)";

/** What lies below is out of reach meanwhile; whoever came from there finds the way back. */
function useCover(cover: RefObject<HTMLElement | null>, first: RefObject<HTMLElement | null>, leave: () => void): void {
  const left = useRef(leave);
  left.current = leave;
  const cameFrom = useRef<HTMLElement | null>(null);
  useEffect(() => {
    const element = cover.current;
    const covered = Array.from(element?.parentElement?.children ?? []).filter((one) => one !== element) as HTMLElement[];
    for (const one of covered) one.inert = true;
    const active = document.activeElement as HTMLElement | null;
    if (!element?.contains(active)) cameFrom.current = active;
    if (matchMedia(phone).matches) first.current?.focus();
    return () => {
      for (const one of covered) one.inert = false;
      // The element is gone by now, and the focus with it.
      if (document.activeElement !== document.body) return;
      const from = cameFrom.current;
      if (from?.isConnected && from !== document.body) from.focus();
      else left.current();
    };
  }, [cover, first]);
}

export default function CompareView({ look }: { look: Look }) {
  const { info, session, rich, mayEdit, editor } = useOpenDocument();
  const documentId = info?.id ?? "";
  const view = useRef<HTMLElement>(null);
  const back = useRef<HTMLButtonElement>(null);
  useCover(view, back, () => editor?.focus());
  const [, setLook] = useLook(session.doc);
  const { entries, writers, list } = useVersionList(documentId, session.doc);
  const [changes, setChanges] = useState<Changes | null>(null);
  const onChanges = useCallback((next: Changes | null) => setChanges(next), []);
  const close = () => setLook(null);
  const actions = useVersionActions(documentId, () => void list?.refresh(), close);

  const all = entries ?? [];
  const [older, newer] = look.base === null ? [null, look.at] : inOrder(all, look.at, look.base);
  const beforeVersion = useContent(documentId, older, session);
  const afterVersion = useContent(documentId, newer, session);
  const entryAt = (at: string) => all.find((one) => one.at === at) ?? null;
  const labelAt = (at: string) => {
    const entry = entryAt(at);
    return entry ? labelOf(entry) : at === now ? strings.current : at.slice(0, 8);
  };

  useEffect(() => setChanges(null), [older, newer]);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      // Whatever lies above (a dialog, a menu) takes it first.
      if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("[role=dialog], [role=menu]")) return;
      event.preventDefault();
      setLook(null);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [setLook]);

  const error = afterVersion.error ?? beforeVersion.error;
  const View = rich ? RichVersion : CodeVersion;
  const ready = afterVersion.content !== null && (older === null || beforeVersion.content !== null);
  const shown = entryAt(look.at);

  const heading = (at: string, side: string | null) => {
    const entry = entryAt(at);
    const authors = entry ? writersOf(entry.authors, writers).map(({ name }) => name) : [];
    return (
      <div className={css.heading}>
        {side && <span className={css.side}>{side}</span>}
        <strong>{labelAt(at)}</strong>
        <span className={css.about}>
          {[entry?.name != null ? momentTitle(entry.time) : "", authors.length > 0 ? strings.by(strings.list(authors)) : ""]
            .filter(Boolean)
            .join(" · ")}
        </span>
        {side && entry && !entry.current && mayEdit && (
          <Button small onClick={() => actions.restore(entry)}>
            {strings.restore}
          </Button>
        )}
      </div>
    );
  };

  return (
    <section ref={view} className={css.view} aria-label={strings.region}>
      <div className={css.bar}>
        <Button ref={back} small onClick={close}>
          <ArrowLeft />
          {strings.backToNow}
        </Button>
        <CompareWith all={all} look={look} onLook={setLook} labelAt={labelAt} />
        <span className={css.space} />
        {older !== null && <Steps key={`${older} ${newer}`} changes={changes} />}
        {older === null && shown && !shown.current && mayEdit && (
          <Button small look="primary" onClick={() => actions.restore(shown)}>
            <RotateCcw />
            {strings.restore}
          </Button>
        )}
      </div>
      <div className={css.headings}>
        {older !== null && heading(older, strings.older)}
        {heading(newer, older === null ? null : strings.newer)}
      </div>
      {error !== null && (
        <Notice
          tone="bad"
          action={
            <Button
              small
              onClick={() => {
                if (afterVersion.error !== null) afterVersion.retry();
                if (beforeVersion.error !== null) beforeVersion.retry();
              }}
            >
              {strings.tryAgain}
            </Button>
          }
        >
          {error}
        </Notice>
      )}
      {!ready && error === null && <Loading />}
      {ready && afterVersion.content && (
        <Suspense fallback={<Loading />}>
          <View
            key={`${older} ${newer}`}
            path={info?.path ?? ""}
            language={info?.language}
            before={older === null ? null : beforeVersion.content}
            beforeLabel={older === null ? "" : labelAt(older)}
            after={afterVersion.content}
            afterLabel={labelAt(newer)}
            onChanges={onChanges}
          />
        </Suspense>
      )}
      {actions.dialog}
    </section>
  );
}

const Loading = () => (
  <p className={css.loading} role="status">
    {strings.loadingVersion}
  </p>
);

interface CompareWithProps {
  all: Entry[];
  look: Look;
  onLook: (look: Look) => void;
  labelAt: (at: string) => string;
}

function CompareWith({ all, look, onLook, labelAt }: CompareWithProps) {
  const id = useId();
  const previous = before(all, look.at);
  const named = all.filter((one) => one.name !== null && one.at !== look.at && one.at !== previous?.at && !one.current);
  const offered = [previous?.at, now, ...named.map(({ at }) => at)];
  return (
    <div className={css.with}>
      <label htmlFor={id}>{strings.compareWith}</label>
      <select
        id={id}
        className={inputClass}
        value={look.base ?? ""}
        onChange={({ target }) => onLook({ at: look.at, base: target.value || null })}
      >
        <option value="">{strings.nothing}</option>
        {previous && (
          <option value={previous.at}>
            {strings.previousVersion} ({labelAt(previous.at)})
          </option>
        )}
        {look.at !== now && <option value={now}>{strings.current}</option>}
        {named.map(({ at }) => (
          <option key={at} value={at}>
            {labelAt(at)}
          </option>
        ))}
        {look.base !== null && !offered.includes(look.base) && <option value={look.base}>{labelAt(look.base)}</option>}
      </select>
    </div>
  );
}

function Steps({ changes }: { changes: Changes | null }) {
  const [index, setIndex] = useState<number | null>(null);
  const count = changes?.count ?? 0;
  const go = (step: 1 | -1) => {
    if (!changes || count === 0) return;
    const next = index === null ? (step > 0 ? 0 : count - 1) : (index + step + count) % count;
    setIndex(next);
    changes.show(next);
  };
  return (
    <div className={css.steps}>
      <span role="status">
        {changes && (index === null || index >= count ? strings.changes(count) : strings.changeOf(index + 1, count))}
      </span>
      <IconButton small label={strings.previousChange} disabled={count === 0} onClick={() => go(-1)}>
        <ArrowUp />
      </IconButton>
      <IconButton small label={strings.nextChange} disabled={count === 0} onClick={() => go(1)}>
        <ArrowDown />
      </IconButton>
    </div>
  );
}
