import { useState } from "react";

import type { Sort } from "./listing";

const key = "coterie.sort";
const usual: Sort = { key: "name", descending: false };

function load(): Sort {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? "null") as Partial<Sort> | null;
    const known = (["name", "changed", "kind"] as const).find((one) => one === stored?.key);
    return known ? { key: known, descending: stored?.descending === true } : usual;
  } catch {
    return usual;
  }
}

/** How lists are ordered in this browser. */
export function useSort(): [Sort, (sort: Sort) => void] {
  const [sort, setSort] = useState(load);
  const change = (next: Sort) => {
    setSort(next);
    try {
      localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // For this page, then.
    }
  };
  return [sort, change];
}
