// Goes to what an address asks for in its document: a hit of the search.

import { useEffect } from "react";

import type { EditorHandle } from "../editor/handle";
import { parseFind } from "../route";
import { replaceHash, useHash } from "./use_hash";

export function useGoTo(editor: EditorHandle | null, loaded: boolean): void {
  const find = parseFind(useHash());
  useEffect(() => {
    if (!editor || !loaded || find === "") return;
    editor.goTo(find);
    // Once: the address is the document's again, to be copied, or opened anew.
    replaceHash(location.hash.split("?")[0] ?? "");
  }, [editor, loaded, find]);
}
