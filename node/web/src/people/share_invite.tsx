// An invite: somebody joins the workspace with a node of their own.

import { type FormEvent, useState } from "react";

import { inWorkspace } from "../api";
import { useAsked } from "../asked";
import { people } from "../strings/people";
import { Button, fullTime, SelectField, TextField, toast, toastError } from "../ui/kit";
import { CopyField } from "./copy_field";
import type { ShareTabProps } from "./share_dialog";
import css from "./share.module.css";
import { daySeconds, type Invite, makeInvite, revokeInvite, type Role } from "./sharing";

const strings = people.share;
const roles = ["editor", "commenter", "viewer", "host"] as const;
const durations = [3600, daySeconds, 7 * daySeconds, 30 * daySeconds];
const usesMax = 10_000;
const invitesEveryMs = 15_000;

const durationText = (seconds: number) => (seconds < daySeconds ? strings.hour : strings.days(seconds / daySeconds));

export function InviteTab({ workspace, info }: ShareTabProps) {
  const [role, setRole] = useState<Role>("editor");
  const [scope, setScope] = useState<"document" | "workspace">("workspace");
  const [uses, setUses] = useState("1");
  const [seconds, setSeconds] = useState(7 * daySeconds);
  const [approval, setApproval] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [made, setMade] = useState<{ invite: string; expires: number; uses: number } | null>(null);
  const invites = useAsked<{ invites: Invite[] }>(inWorkspace(workspace.id, "invites"), invitesEveryMs);
  const pending = (invites.value?.invites ?? []).filter(({ state }) => state === "open");
  const count = Number(uses);
  const countFits = Number.isInteger(count) && count >= 1 && count <= usesMax;

  const make = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const { invite } = await makeInvite(workspace.id, {
        ...{ role, uses: count, expires_seconds: seconds, approval },
        ...(scope === "document" && info ? { document: info.path } : {}),
      });
      setMade({ invite, expires: Date.now() + seconds * 1000, uses: count });
      invites.refresh();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (countFits) void make();
  };
  const revoke = (id: string) =>
    void revokeInvite(workspace.id, id).then(() => {
      toast(strings.revoked);
      invites.refresh();
    }, toastError);
  return (
    <>
      <form onSubmit={onSubmit}>
        <fieldset className={css.fields} disabled={busy}>
          <SelectField label={strings.role} problem={problem} value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {roles.map((one) => (
              <option key={one} value={one}>
                {strings.roles[one]}
              </option>
            ))}
          </SelectField>
          <SelectField label={strings.scope} value={scope} onChange={(event) => setScope(event.target.value as typeof scope)}>
            <option value="workspace">{strings.scopeWorkspace(workspace.name)}</option>
            {info && <option value="document">{strings.scopeDocument}</option>}
          </SelectField>
          <TextField label={strings.uses} type="number" min={1} max={usesMax} value={uses} onChange={(event) => setUses(event.target.value)} />
          <SelectField label={strings.expires} value={seconds} onChange={(event) => setSeconds(Number(event.target.value))}>
            {durations.map((one) => (
              <option key={one} value={one}>
                {durationText(one)}
              </option>
            ))}
          </SelectField>
        </fieldset>
        <label className={css.check}>
          <input type="checkbox" disabled={busy} checked={approval} onChange={(event) => setApproval(event.target.checked)} />
          <span>
            {strings.approval}
            <small>{strings.approvalHint}</small>
          </span>
        </label>
        <div className={css.foot}>
          <Button type="submit" look="primary" disabled={busy || !countFits}>
            {busy ? strings.making : strings.makeInvite}
          </Button>
        </div>
      </form>
      {made && (
        <section className={css.made} aria-live="polite">
          <CopyField label={strings.invite} text={made.invite} />
          <p className={css.note}>{strings.inviteFor(fullTime(made.expires), made.uses)}</p>
          <p className={css.note}>{strings.inviteHow}</p>
          <CopyField label={strings.command} text={`coterie join ${made.invite}`} qr={false} />
        </section>
      )}
      <section>
        <h3 className={css.title}>{strings.pending}</h3>
        {pending.length === 0 && <p className={css.note}>{invites.error ?? strings.noPending}</p>}
        <ul>
          {pending.map((one) => (
            <li key={one.id} className={css.row}>
              <div className={css.rowText}>
                <strong>{people.panel.role[one.role] ?? one.role}</strong>
                <span>
                  {[strings.left(one.uses_left), strings.till(fullTime(one.expires)), one.author.name && strings.byWhom(one.author.name), one.path && strings.forDocument(one.path)]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </div>
              <Button small onClick={() => revoke(one.id)} aria-label={strings.revokeWhich(people.panel.role[one.role] ?? one.role, fullTime(one.expires))}>
                {strings.revoke}
              </Button>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
