// Rows dragged into folders: onto whatever says that it is one (data-folder).

import { type DragEvent, useMemo, useRef } from "react";

import type { DocumentInfo } from "../api";
import type { Row } from "./listing";
import { planMove } from "./move_plan";

/** What an element to drop rows onto has: the folder's path; empty: the top. */
export const folderTarget = (path: string) => ({ "data-folder": path });

const rowsType = "application/x-coterie-rows";

interface RowDrag {
  /** The rows that are dragged with that one. */
  rowsOf: (index: number) => readonly Row[];
  documents: readonly DocumentInfo[];
  onMove: (rows: readonly Row[], folder: string) => void;
}

/**
 * For the element around rows and folders: in the capturing phase, as the same element takes files in the
 * other. The folder below the pointer has data-over.
 */
export function useRowDrag(drag: RowDrag) {
  const latest = useRef(drag);
  latest.current = drag;
  return useMemo(() => {
    let dragged: readonly Row[] = [];
    let over: HTMLElement | null = null;
    let takes = false;
    const leave = () => {
      over?.removeAttribute("data-over");
      over = null;
    };
    const enter = (target: EventTarget) => {
      const folder = (target as Element).closest<HTMLElement>("[data-folder]");
      if (folder === over) return;
      leave();
      over = folder;
      const plan = folder && planMove(dragged, latest.current.documents, folder.dataset["folder"] ?? "");
      takes = plan !== null && ("moves" in plan ? plan.moves.length > 0 : plan.problem === "taken");
      if (takes) folder?.setAttribute("data-over", "");
    };
    const end = () => {
      leave();
      dragged = [];
    };
    return {
      onDragStartCapture: ({ target, dataTransfer }: DragEvent) => {
        const row = (target as Element).closest?.<HTMLElement>("[data-row]");
        dragged = row ? latest.current.rowsOf(Number(row.dataset["index"])) : [];
        if (dragged.length === 0) return;
        dataTransfer.effectAllowed = "move";
        dataTransfer.setData(rowsType, String(dragged.length));
      },
      onDragOverCapture: (event: DragEvent) => {
        if (dragged.length === 0) return;
        enter(event.target);
        if (!over || !takes) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "move";
      },
      onDropCapture: (event: DragEvent) => {
        const folder = over?.dataset["folder"];
        if (dragged.length === 0 || folder === undefined || !takes) return;
        event.preventDefault();
        latest.current.onMove(dragged, folder);
        end();
      },
      onDragEndCapture: end,
    };
  }, []);
}
