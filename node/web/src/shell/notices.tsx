// What stands between a person and the text, said where it is seen, with what can be done.

import { request, ofDocument } from "../api";
import { shell } from "../strings/shell";
import { closed } from "../sync";
import { Button, Notice, toast, toastError } from "../ui/kit";
import { useOpenDocument } from "./open_document";

async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(shell.copied);
  } catch (error) {
    toastError(error);
  }
}

export function Notices() {
  const { view, session, role, mayEdit, info } = useOpenDocument();
  const { connection, refusal, refusalCode } = view;
  const retry = (
    <Button small onClick={() => session.retry()}>
      {shell.tryAgain}
    </Button>
  );
  const copy = (
    <Button small onClick={() => void copyText(session.plainText())}>
      {shell.copyText}
    </Button>
  );
  return (
    <>
      {connection === "refused" && refusalCode === closed.tokenExpired && (
        <Notice tone="bad">{shell.tokenExpired}</Notice>
      )}
      {connection === "refused" && refusalCode === closed.madeAnew && (
        <Notice
          tone="bad"
          action={
            <>
              {copy}
              <Button small onClick={() => void session.forget().then(() => location.reload())}>
                {shell.loadAnew}
              </Button>
            </>
          }
        >
          {shell.madeAnew}
        </Notice>
      )}
      {connection === "refused" && refusalCode === closed.sessionEnded && (
        <Notice tone="busy" action={retry}>
          {shell.sessionEnded}
        </Notice>
      )}
      {connection === "refused" && refusalCode === closed.trashed && info && (
        <Notice
          tone="bad"
          action={
            <Button
              small
              onClick={() =>
                void request(ofDocument(info.id, "/restore"), { method: "POST" }).then(() => session.retry(), toastError)
              }
            >
              {shell.restore}
            </Button>
          }
        >
          {shell.inTrash(info.path)}
        </Notice>
      )}
      {connection === "refused" && !Object.values(closed).some((code) => code !== closed.sentOut && code === refusalCode) && (
        <Notice tone="bad" action={retry}>
          {refusal}
        </Notice>
      )}
      {connection === "http" && <Notice tone="busy">{shell.connectionAbout.http}</Notice>}
      {view.trouble && <Notice tone="bad">{shell.trouble(view.trouble)}</Notice>}
      {view.editRefused && (
        <Notice tone="bad" action={copy}>
          {shell.editRefused(view.editRefused)}
        </Notice>
      )}
      {!mayEdit && role && <Notice>{shell.readOnlyBecause(role)}</Notice>}
      {info?.archived && <Notice>{shell.archived}</Notice>}
    </>
  );
}
