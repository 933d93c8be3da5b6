// What is safe where, in a few words that are true.

import { Check, CloudOff, LoaderCircle } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";

import { shell } from "../strings/shell";
import { Tip } from "../ui/kit";
import { useOpenDocument } from "./open_document";
import css from "./shell.module.css";
import { coversDocument } from "./state_vector";

/** As long as the seconds since are worth telling. */
const agoShownMs = 60_000;

/** A number that changes every second while it is wanted. */
function useSeconds(wanted: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!wanted) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [wanted]);
  return now;
}

const never = () => () => {};
const nothing = () => null;

export function SaveState() {
  const { session, room, mayEdit, role } = useOpenDocument();
  const { saved, savedAt, waiting } = useSyncExternalStore(session.subscribe, session.saving);
  const held = useSyncExternalStore(room?.subscribe ?? never, room?.saved ?? nothing);
  const recent = saved === "saved" && savedAt !== null && Date.now() - savedAt < agoShownMs;
  const now = useSeconds(recent);
  if (!mayEdit && waiting === 0) {
    return <span className={css.save}>{role === "commenter" ? shell.commentOnly : shell.readOnly}</span>;
  }
  const elsewhere = held && held.devices > 1 && coversDocument(held.state_vector, session.doc) ? held : null;
  const said = (): { text: string; about: string } => {
    switch (saved) {
      case "loading":
        return { text: "", about: "" };
      case "saving":
        return { text: shell.saving, about: shell.savingAbout };
      case "offline-unsaved":
        return { text: shell.waiting(waiting), about: shell.waitingAbout };
      case "offline":
        return { text: shell.savedOffline, about: shell.savedOfflineAbout };
      case "saved": {
        if (elsewhere) {
          return { text: shell.savedOn(elsewhere.devices), about: shell.savedOnAbout(elsewhere.devices, elsewhere.members) };
        }
        const seconds = savedAt === null ? null : Math.round((now - savedAt) / 1000);
        const text = recent && seconds !== null && seconds > 1 ? shell.savedAgo(seconds) : shell.savedNow;
        return { text, about: shell.savedAbout };
      }
    }
  };
  const { text, about } = said();
  if (!text) return null;
  const Icon = saved === "saved" || saved === "offline" ? Check : saved === "saving" ? LoaderCircle : CloudOff;
  return (
    <Tip text={about}>
      <span className={css.save} data-state={saved} tabIndex={0} data-testid="save-state">
        <Icon aria-hidden="true" />
        <span>{text}</span>
      </span>
    </Tip>
  );
}
