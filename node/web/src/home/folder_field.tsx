import { useId } from "react";

import { home as words } from "../strings/home";
import { TextField } from "../ui/kit";

const offeredMax = 200;

interface FolderFieldProps {
  folder: string;
  folders: readonly string[];
  problem?: string | null;
  hint?: string | null;
  autoFocus?: boolean;
  onFolder: (folder: string) => void;
}

/** A folder, completed from those that there are. */
export function FolderField({ folder, folders, problem, hint = words.folderHint, autoFocus, onFolder }: FolderFieldProps) {
  const list = useId();
  const wanted = folder.toLowerCase();
  const offered = folders.filter((one) => one.toLowerCase().includes(wanted)).slice(0, offeredMax);
  return (
    <>
      <TextField
        label={words.folder}
        hint={hint}
        problem={problem ?? null}
        list={list}
        value={folder}
        autoFocus={autoFocus ?? false}
        spellCheck={false}
        onChange={({ target }) => onFolder(target.value)}
      />
      <datalist id={list}>
        {offered.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </>
  );
}
