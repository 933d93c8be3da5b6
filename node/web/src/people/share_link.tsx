// A link with a token: the page opens for whoever has it, without a node of their own.

import { type FormEvent, useState } from "react";

import { formatRoute } from "../route";
import { people } from "../strings/people";
import { Button, fullTime, Notice, SelectField, TextField } from "../ui/kit";
import { cleanName } from "../person";
import { CopyField } from "./copy_field";
import type { ShareTabProps } from "./share_dialog";
import css from "./share.module.css";
import { guestId } from "./guest_id";
import { daySeconds, isLocal, linkOf, makeToken, type Role } from "./sharing";

const strings = people.share;
const roles = ["editor", "commenter", "viewer"] as const;
const durations = [1, 7, 30, 365];

export function LinkTab({ workspace, info }: ShareTabProps) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("editor");
  const [scope, setScope] = useState<"document" | "workspace">(info ? "document" : "workspace");
  const [days, setDays] = useState(7);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [made, setMade] = useState<{ link: string; name: string; expires: number } | null>(null);

  const make = async () => {
    setBusy(true);
    setProblem(null);
    const shown = cleanName(name);
    try {
      const { token, expires } = await makeToken({
        ...{ role, guest: guestId(shown), name: shown, workspace: workspace.id, seconds: days * daySeconds },
        ...(scope === "document" && info ? { documents: [info.id] } : {}),
      });
      // By its id: a guest of one document may not be told the workspace's name.
      const route = formatRoute(workspace.id, info?.path);
      setMade({ link: linkOf(location.href, token, route), name: shown, expires });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (cleanName(name) !== "") void make();
  };
  return (
    <>
      <form onSubmit={onSubmit}>
        <fieldset className={css.fields} disabled={busy}>
          <TextField autoFocus label={strings.who} hint={strings.whoHint} problem={problem} maxLength={40} value={name} onChange={(event) => setName(event.target.value)} />
          <SelectField label={strings.role} value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {roles.map((one) => (
              <option key={one} value={one}>
                {strings.roles[one]}
              </option>
            ))}
          </SelectField>
          <SelectField label={strings.scope} value={scope} onChange={(event) => setScope(event.target.value as typeof scope)}>
            {info && <option value="document">{strings.scopeDocument}</option>}
            <option value="workspace">{strings.scopeWorkspace(workspace.name)}</option>
          </SelectField>
          <SelectField label={strings.expires} value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {durations.map((one) => (
              <option key={one} value={one}>
                {one === 365 ? strings.year : strings.days(one)}
              </option>
            ))}
          </SelectField>
        </fieldset>
        <div className={css.foot}>
          <Button type="submit" look="primary" disabled={busy || cleanName(name) === ""}>
            {busy ? strings.making : strings.makeLink}
          </Button>
        </div>
      </form>
      {made && (
        <section className={css.made} aria-live="polite">
          <CopyField label={strings.link} text={made.link} />
          <p className={css.note}>{strings.linkFor(made.name, fullTime(made.expires))}</p>
        </section>
      )}
      {isLocal(location.href) && (
        <div className={css.reason}>
          <Notice>{strings.localOnly}</Notice>
        </div>
      )}
    </>
  );
}
