// Who may come, and as what: links for browsers, invites for nodes, roles, guests, the session. For hosts.

import { useState } from "react";

import { type DocumentInfo, inWorkspace, type Workspace } from "../api";
import { useAsked } from "../asked";
import { people as strings } from "../strings/people";
import { Dialog, TabContent, Tabs } from "../ui/kit";
import { splitPath } from "../route";
import { InviteTab } from "./share_invite";
import { LinkTab } from "./share_link";
import { MembersTab } from "./share_members";
import type { MembersAnswer } from "./sharing";
import css from "./share.module.css";

interface ShareDialogProps {
  workspace: Workspace;
  /** Null: of the whole workspace. */
  info: DocumentInfo | null;
  open: boolean;
  onOpen: (open: boolean) => void;
}

export interface ShareTabProps {
  workspace: Workspace;
  info: DocumentInfo | null;
}

type Tab = keyof typeof strings.share.tabs;
const tabs = Object.keys(strings.share.tabs) as Tab[];
const membersEveryMs = 10_000;

export function ShareDialog({ workspace, info, open, onOpen }: ShareDialogProps) {
  const [tab, setTab] = useState<Tab>("link");
  const polled = useAsked<MembersAnswer>(open ? inWorkspace(workspace.id, "members") : null, membersEveryMs);
  const title = info ? info.title || splitPath(info.path).name : workspace.name;
  const share = { workspace, info };
  return (
    <Dialog open={open} onOpen={onOpen} title={strings.share.title} about={strings.share.about(title)}>
      <Tabs className={css.tabs} label={strings.share.label} value={tab} onValue={setTab} tabs={tabs.map((name) => ({ name, title: strings.share.tabs[name] }))}>
        <TabContent value="link" className={css.tab}>
          <LinkTab {...share} />
        </TabContent>
        <TabContent value="invite" className={css.tab}>
          <InviteTab {...share} />
        </TabContent>
        <TabContent value="members" className={css.tab}>
          <MembersTab {...share} members={polled.value?.members ?? []} requests={polled.value?.requests ?? []} problem={polled.error} onChanged={polled.refresh} />
        </TabContent>
      </Tabs>
    </Dialog>
  );
}
