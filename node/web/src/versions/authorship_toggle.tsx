// The button that colours the text by its authors, and who they are.

import { Highlighter } from "lucide-react";
import { useState } from "react";

import { useOpenDocument } from "../shell/open_document";
import { versions as strings } from "../strings/versions";
import { Avatar, IconButton, Popover } from "../ui/kit";
import { type Authorship, type Share, useAuthorship } from "./authorship";
import css from "./authorship_toggle.module.css";

const avatarsMax = 3;

export function AuthorshipToggle() {
  const { info } = useOpenDocument();
  const [on, setOn] = useState(false);
  const [legend, setLegend] = useState(false);
  const authorship = useAuthorship(on);
  const people = authorship.state === "shown" ? authorship.shares.slice(0, avatarsMax) : [];

  return (
    <span className={css.group}>
      <IconButton
        label={strings.authorship}
        aria-pressed={on}
        disabled={info === null}
        onClick={() => {
          setOn(!on);
          setLegend(!on);
        }}
      >
        <Highlighter />
      </IconButton>
      {on && (
        <Popover
          label={strings.authorshipLegend}
          open={legend}
          onOpen={setLegend}
          button={
            <button type="button" className={css.who}>
              {people.map(({ writer }) => (
                <Avatar key={writer.id} {...writer} size={20} />
              ))}
              {people.length === 0 && <span aria-hidden="true">{strings.authorshipShort}</span>}
              <span className="visually-hidden">{strings.authorshipLegend}</span>
            </button>
          }
        >
          <Legend authorship={authorship} />
        </Popover>
      )}
    </span>
  );
}

function Legend({ authorship }: { authorship: Authorship }) {
  return (
    <div className={css.legend}>
      <h2>{strings.authorshipLegend}</h2>
      {authorship.state === "failed" ? (
        <p role="alert">{strings.authorshipFailed(authorship.why)}</p>
      ) : authorship.state !== "shown" ? (
        <p role="status">{strings.authorshipLoading}</p>
      ) : authorship.shares.length === 0 ? (
        <p>{strings.authorshipEmpty}</p>
      ) : (
        <ul>
          {authorship.shares.map((share) => (
            <Line key={share.writer.id} share={share} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Line({ share: { writer, percent } }: { share: Share }) {
  const shown = percent === 0 ? strings.lessThanOne : strings.percent(percent);
  return (
    <li>
      <Avatar {...writer} size={20} />
      <span className={css.name}>{writer.name}</span>
      <span className={css.bar} aria-hidden="true">
        <span style={{ width: `${Math.max(percent, 2)}%`, background: writer.color }} />
      </span>
      <span className={css.percent}>
        {shown}
        <span className="visually-hidden"> {strings.ofText}</span>
      </span>
    </li>
  );
}
