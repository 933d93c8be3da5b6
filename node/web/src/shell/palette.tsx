// Commands and documents by name: Ctrl+K.

import { Command } from "cmdk";
import { FileText, Monitor, Moon, Sun } from "lucide-react";
import { Dialog as RadixDialog } from "radix-ui";
import { useEffect, useMemo, useState } from "react";

import { type DocumentInfo, inWorkspace, request, type Workspace } from "../api";
import { rememberedDocuments } from "../remembered";
import { formatRoute, splitPath } from "../route";
import { shell } from "../strings/shell";
import { keysText, listenForKeys, useCommands } from "./commands";
import { allCommands, type Command as PageCommand } from "./offered";
import css from "./palette.module.css";
import { chooseTheme } from "./theme";

/** More are found by typing. */
const documentsShownMax = 300;

const names = { system: Monitor, light: Sun, dark: Moon } as const;

export function Palette({ workspace }: { workspace: Workspace }) {
  const [open, setOpen] = useState(false);
  const own = useMemo<PageCommand[]>(
    () => [{ id: "palette", title: shell.commands, keys: "Mod+K", group: shell.palette.page, run: () => setOpen((shown) => !shown) }],
    [],
  );
  useCommands("palette", own);
  useEffect(listenForKeys, []);
  useEffect(() => {
    const show = () => setOpen(true);
    addEventListener("coterie:palette", show);
    return () => removeEventListener("coterie:palette", show);
  }, []);
  return (
    <RadixDialog.Root open={open} onOpenChange={setOpen}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className={css.overlay} />
        <RadixDialog.Content className={css.palette} aria-describedby={undefined}>
          <RadixDialog.Title className="visually-hidden">{shell.palette.label}</RadixDialog.Title>
          <Inside workspace={workspace} close={() => setOpen(false)} />
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

export const openPalette = () => dispatchEvent(new Event("coterie:palette"));

function Inside({ workspace, close }: { workspace: Workspace; close: () => void }) {
  const [documents, setDocuments] = useState(() => rememberedDocuments(workspace.id));
  useEffect(() => {
    let stopped = false;
    request<{ documents: DocumentInfo[] }>(inWorkspace(workspace.id, "documents")).then(
      ({ documents: all }) => !stopped && setDocuments(all),
      () => {}, // Those that this browser remembers, then.
    );
    return () => {
      stopped = true;
    };
  }, [workspace.id]);
  const commands = allCommands().filter(({ id }) => id !== "palette");
  const groups = Array.from(new Set(commands.map(({ group }) => group)));
  const run = (what: () => void) => () => {
    close();
    // After the dialog gave the focus back.
    setTimeout(what);
  };
  return (
    <Command label={shell.palette.label} loop>
      <Command.Input className={css.input} placeholder={shell.palette.placeholder} />
      <Command.List className={css.list}>
        <Command.Empty className={css.nothing}>{shell.palette.nothing}</Command.Empty>
        {groups.map((group) => (
          <Command.Group key={group} heading={group}>
            {commands
              .filter((one) => one.group === group)
              .map(({ id, title, keys, run: what }) => (
                <Command.Item key={id} value={`${title} ${id}`} onSelect={run(what)}>
                  {title}
                  {keys && <kbd>{keysText(keys)}</kbd>}
                </Command.Item>
              ))}
          </Command.Group>
        ))}
        <Command.Group heading={shell.palette.documents}>
          {documents.slice(0, documentsShownMax).map(({ id, path, title }) => {
            const { folder, name } = splitPath(path);
            return (
              <Command.Item
                key={id}
                value={`${path} ${title ?? ""} ${id}`}
                onSelect={run(() => (location.hash = formatRoute(workspace.name, path)))}
              >
                <FileText aria-hidden="true" />
                {title || name}
                <span className={css.folder}>{title ? path : folder}</span>
              </Command.Item>
            );
          })}
        </Command.Group>
        <Command.Group heading={shell.theme.title}>
          {(["system", "light", "dark"] as const).map((choice) => {
            const Icon = names[choice];
            return (
              <Command.Item key={choice} value={`${shell.theme.title} ${shell.theme[choice]}`} onSelect={run(() => chooseTheme(choice))}>
                <Icon aria-hidden="true" />
                {shell.theme[choice]}
              </Command.Item>
            );
          })}
        </Command.Group>
      </Command.List>
    </Command>
  );
}
