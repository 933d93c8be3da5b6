import { SearchX } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";

import type { DocumentInfo } from "../api";
import { formatRoute, splitPath } from "../route";
import { home as words } from "../strings/home";
import { Empty, Notice } from "../ui/kit";
import { KindIcon } from "./kind_icon";
import { kindOf } from "./kinds";
import { highlighted, namedLike, shownName } from "./listing";
import css from "./search.module.css";
import { useSearch } from "./use_search";

const namesMax = 8;

interface SearchResultsProps {
  workspace: { id: string; name: string };
  documents: readonly DocumentInfo[];
  query: string;
}

/** Up and down go from result to result; Enter is the link's own. */
export function moveAmongResults(event: KeyboardEvent, by: 1 | -1): void {
  const results = Array.from(document.querySelectorAll<HTMLElement>("[data-result]"));
  const at = results.indexOf(document.activeElement as HTMLElement);
  const to = results[at + by];
  if (at === -1 && by === -1) return;
  event.preventDefault();
  if (to) to.focus();
  else if (by === -1) document.querySelector<HTMLElement>("[data-search]")?.focus();
}

/** What its name does not say already. */
function whereOf({ path, title }: { path: string; title?: string }): string {
  const { folder, name } = splitPath(path);
  return title && title !== name ? path : folder;
}

export function SearchResults({ workspace, documents, query }: SearchResultsProps) {
  const { hits, loading, more, error, loadMore } = useSearch(workspace.id, query);
  const named = useMemo(() => namedLike(documents, query, namesMax), [documents, query]);
  const byId = useMemo(() => new Map(documents.map((one) => [one.id, one])), [documents]);
  const nothing = !loading && !more && error === null && hits.length === 0 && named.length === 0;
  const status = loading ? words.searching : nothing ? words.noResults(query) : words.found(named.length, hits.length, more);
  return (
    <div
      className={css.results}
      onKeyDown={(event) => {
        if (event.key === "ArrowDown") moveAmongResults(event, 1);
        if (event.key === "ArrowUp") moveAmongResults(event, -1);
      }}
    >
      <h1 className="visually-hidden">{words.resultsTitle(query)}</h1>
      <p className={nothing ? "visually-hidden" : css.status} role="status">
        {status}
      </p>
      {error && <Notice tone="bad">{error}</Notice>}
      {named.length > 0 && (
        <section aria-label={words.byName}>
          <h2>{words.byName}</h2>
          <ul>
            {named.map((one) => (
              <li key={one.id}>
                <a className={css.result} data-result href={formatRoute(workspace.name, one.path)}>
                  <KindIcon kind={kindOf(one).kind} />
                  <span className={css.title}>
                    <Marked text={shownName(one)} query={query} />
                  </span>
                  <span className={css.path}>{whereOf(one)}</span>
                  {one.archived && <span className={css.badge}>{words.archived}</span>}
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
      {hits.length > 0 && (
        <section aria-label={words.inText}>
          <h2>{words.inText}</h2>
          <ul>
            {hits.map((hit) => (
              <li key={`${hit.id} ${hit.line} ${hit.snippet}`}>
                <a className={css.result} data-result href={formatRoute(workspace.name, hit.path, query.trim())}>
                  <KindIcon kind={kindOf(byId.get(hit.id) ?? hit).kind} />
                  <span className={css.title}>{hit.title || splitPath(hit.path).name}</span>
                  <span className={css.path}>{whereOf(hit)}</span>
                  <span className={css.line}>{words.line(hit.line)}</span>
                  <span className={css.snippet}>
                    <Marked text={hit.snippet} query={query} />
                  </span>
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
      {more && <Sentinel onSeen={loadMore} count={hits.length} />}
      {nothing && (
        <Empty icon={<SearchX aria-hidden="true" />} title={words.noResults(query)}>
          <p>{words.noResultsText}</p>
        </Empty>
      )}
    </div>
  );
}

/** Asks for the next page when the end of this one comes into sight. */
function Sentinel({ onSeen, count }: { onSeen: () => void; count: number }) {
  const ref = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    // Anew for each page: where the end is still in sight, nothing would cross it again.
    const observer = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && onSeen(), { rootMargin: "200px" });
    observer.observe(element);
    return () => observer.disconnect();
  }, [onSeen, count]);
  return (
    <p ref={ref} className={css.status}>
      {words.loadingMore}
    </p>
  );
}

function Marked({ text, query }: { text: string; query: string }) {
  return highlighted(text, query).map((piece, index) =>
    piece.found ? <mark key={index}>{piece.text}</mark> : <span key={index}>{piece.text}</span>,
  );
}
