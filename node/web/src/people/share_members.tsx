// The members of a workspace and what they may do, there and in one document; guests; the session.

import { UserMinus } from "lucide-react";
import { useState } from "react";

import { usePolled } from "../asked";
import { colorFor } from "../room/authors";
import { people } from "../strings/people";
import { Avatar, Button, IconButton, inputClass, toast, toastError } from "../ui/kit";
import { Confirm } from "./confirm";
import { nameInGuestId } from "./guest_id";
import type { ShareTabProps } from "./share_dialog";
import css from "./share.module.css";
import {
  decideRequest,
  type DocumentRoles,
  getPresent,
  getRoles,
  type JoinRequest,
  type Present,
  removeMember,
  setDocumentRole,
  setGuest,
  setRole,
  setSession,
  type ShareMember,
  type Standing,
} from "./sharing";

const strings = people.share;
const roles = ["host", "editor", "commenter", "viewer", "relay"];
const documentRoles = ["editor", "commenter", "viewer"];
const standings = Object.keys(strings.standings) as Standing[];
const rolesEveryMs = 10_000;

const roleName = (role: string) => people.panel.role[role] ?? role;
const shortName = ({ name, device }: { name: string; device: string }) => name || device.slice(0, 8);

interface Guest {
  device: string;
  guest: string;
  /** Empty: as the link says. */
  standing: Standing | "";
}

/** Those that were given a standing, and those who came by a link and are here. */
function allGuests(standing: DocumentRoles["guests"], present: readonly Present[]): Guest[] {
  const here = present
    .filter(({ device, user }) => nameInGuestId(user) !== null && !standing.some((one) => one.device === device && one.guest === user))
    .map(({ device, user }): Guest => ({ device, guest: user, standing: "" }));
  return [...standing, ...here];
}

interface MembersTabProps extends ShareTabProps {
  members: readonly ShareMember[];
  requests: readonly JoinRequest[];
  problem: string | null;
  onChanged: () => void;
}

export function MembersTab({ workspace, info, members, requests, problem, onChanged }: MembersTabProps) {
  const [removing, setRemoving] = useState<ShareMember | null>(null);
  const here = usePolled(info ? `roles ${workspace.id} ${info.id}` : null, rolesEveryMs, async () => {
    const [roles, present] = await Promise.all([getRoles(workspace.id, info?.id ?? ""), getPresent(workspace.id, info?.id ?? "").catch(() => [])]);
    return { ...roles, guests: allGuests(roles.guests, present) };
  });
  const change = (what: Promise<unknown>) =>
    void what.then(() => {
      toast(strings.done);
      onChanged();
      here.refresh();
    }, toastError);
  return (
    <>
      {problem && <p role="alert">{problem}</p>}
      {requests.length > 0 && (
        <section>
          <h3 className={css.title}>{strings.waiting}</h3>
          <ul>
            {requests.map((one) => (
              <li key={one.device} className={css.row}>
                <Avatar name={shortName(one)} color={colorFor(one.device)} />
                <div className={css.rowText}>
                  <strong>{shortName(one)}</strong>
                  <span>{roleName(one.role)}</span>
                </div>
                <Button small aria-label={`${strings.deny}: ${shortName(one)}`} onClick={() => change(decideRequest(workspace.id, one.device, "deny"))}>
                  {strings.deny}
                </Button>
                <Button small look="primary" aria-label={`${strings.letIn}: ${shortName(one)}`} onClick={() => change(decideRequest(workspace.id, one.device, "approve"))}>
                  {strings.letIn}
                </Button>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3 className={css.title}>{strings.members}</h3>
        <ul>
          {members.map((member) => (
            <MemberRow
              key={member.device}
              member={member}
              here={info ? (here.value?.members.find(({ device }) => device === member.device)?.here ?? null) : null}
              onRole={(role) => change(setRole(workspace.id, member.device, role))}
              onHere={(role) => info && change(setDocumentRole(workspace.id, info.id, member.device, role))}
              onRemove={() => setRemoving(member)}
            />
          ))}
        </ul>
      </section>
      {info && here.error !== null && here.value === null && <p className={css.note}>{strings.missing}</p>}
      {info && here.value && (
        <>
          <Guests guests={here.value.guests} members={members} onStanding={(device, guest, standing) => change(setGuest(workspace.id, info.id, device, guest, standing))} />
          <SessionSection ended={here.value.session === "ended"} onSet={async (what) => {
            await setSession(workspace.id, info.id, what);
            here.refresh();
          }} />
        </>
      )}
      {removing && (
        <Confirm
          title={strings.removeTitle(shortName(removing))}
          about={strings.removeAbout(shortName(removing), workspace.name)}
          action={strings.remove}
          onClose={() => setRemoving(null)}
          onConfirm={async () => {
            await removeMember(workspace.id, removing.device);
            onChanged();
          }}
        />
      )}
    </>
  );
}

interface MemberRowProps {
  member: ShareMember;
  /** The role in the document; null: there is none, or it is not known. */
  here: string | null;
  onRole: (role: string) => void;
  onHere: (role: string) => void;
  onRemove: () => void;
}

function MemberRow({ member, here, onRole, onHere, onRemove }: MemberRowProps) {
  const name = shortName(member);
  // A host is one everywhere, and nobody is changed by themselves by mistake.
  const fixed = member.self;
  return (
    <li className={css.row} data-device={member.device}>
      <Avatar name={name} color={colorFor(member.device)} />
      <div className={css.rowText}>
        <strong>{member.self ? `${name} (${people.you})` : name}</strong>
      </div>
      <RoleSelect label={strings.roleIn(name, strings.inWorkspace)} value={member.role} options={roles} disabled={fixed} onChange={onRole} />
      {here !== null && (
        <RoleSelect
          label={strings.roleIn(name, strings.inDocument)}
          value={here}
          options={documentRoles.includes(here) ? documentRoles : [here, ...documentRoles]}
          prefix={strings.inDocumentShort}
          disabled={fixed || member.role === "host"}
          onChange={onHere}
        />
      )}
      <IconButton small label={strings.removeTitle(name)} disabled={fixed} onClick={onRemove}>
        <UserMinus />
      </IconButton>
    </li>
  );
}

interface RoleSelectProps {
  label: string;
  value: string;
  options: readonly string[];
  prefix?: string;
  disabled: boolean;
  onChange: (role: string) => void;
}

const RoleSelect = ({ label, value, options, prefix = "", disabled, onChange }: RoleSelectProps) => (
  <select className={`${inputClass} ${css.select}`} aria-label={label} title={label} value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
    {options.map((role) => (
      <option key={role} value={role}>
        {prefix + roleName(role)}
      </option>
    ))}
  </select>
);

interface GuestsProps {
  guests: readonly Guest[];
  members: readonly ShareMember[];
  onStanding: (device: string, guest: string, standing: Standing) => void;
}

function Guests({ guests, members, onStanding }: GuestsProps) {
  return (
    <section>
      <h3 className={css.title}>{strings.guests}</h3>
      {guests.length === 0 && <p className={css.note}>{strings.noGuests}</p>}
      <ul>
        {guests.map(({ device, guest, standing }) => {
          const bridge = members.find((one) => one.device === device);
          return (
            <li key={`${device} ${guest}`} className={css.row}>
              <Avatar name={nameInGuestId(guest) ?? guest} color={colorFor(device + guest)} />
              <div className={css.rowText}>
                <strong>{nameInGuestId(guest) ?? guest}</strong>
                <span>{strings.guestOf(bridge ? shortName(bridge) : device.slice(0, 8))}</span>
              </div>
              <select
                className={`${inputClass} ${css.select}`}
                aria-label={strings.roleIn(nameInGuestId(guest) ?? guest, strings.inDocument)}
                value={standing}
                onChange={(event) => onStanding(device, guest, event.target.value as Standing)}
              >
                {standing === "" && <option value="">{strings.asLink}</option>}
                {standings.map((one) => (
                  <option key={one} value={one}>
                    {strings.standings[one]}
                  </option>
                ))}
              </select>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function SessionSection({ ended, onSet }: { ended: boolean; onSet: (what: "end" | "open") => Promise<void> }) {
  const [asking, setAsking] = useState(false);
  return (
    <section>
      <h3 className={css.title}>{strings.session}</h3>
      <div className={css.row}>
        <p className={css.rowText}>{ended ? strings.sessionEnded : strings.sessionOpen}</p>
        {ended ? (
          <Button small look="primary" onClick={() => void onSet("open").catch(toastError)}>
            {strings.open}
          </Button>
        ) : (
          <Button small look="danger" onClick={() => setAsking(true)}>
            {strings.end}
          </Button>
        )}
      </div>
      {asking && (
        <Confirm title={strings.endTitle} about={strings.endAbout} action={strings.end} onClose={() => setAsking(false)} onConfirm={() => onSet("end")} />
      )}
    </section>
  );
}
