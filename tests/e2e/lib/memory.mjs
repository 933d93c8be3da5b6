// What a process holds in memory now, searched for text in any encoding.

import { closeSync, openSync, readFileSync, readSync } from "node:fs";

import { found } from "./capture.mjs";
import { Skipped } from "./scenario.mjs";

const chunkBytes = 4 * 2 ** 20;
/** Of the chunk before, so that what lies across two is found. */
const overlapBytes = 4096;

/**
 * Which of `texts` are in the readable memory of process `pid`, and how many bytes that is. The
 * process runs on meanwhile. Throws Skipped where the system does not allow it.
 */
export function searchMemory(pid, texts) {
  let memory;
  try {
    memory = openSync(`/proc/${pid}/mem`, "r");
  } catch (error) {
    throw new Skipped(`the memory of another process cannot be read here: ${error.message}`);
  }
  const all = new Set();
  let bytes = 0;
  const buffer = Buffer.alloc(overlapBytes + chunkBytes);
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
      const map = /^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)$/.exec(line);
      if (!map || map[3] === "[vvar]" || map[3] === "[vsyscall]") continue;
      const end = Number(`0x${map[2]}`);
      let kept = 0;
      for (let at = Number(`0x${map[1]}`); at < end; ) {
        const wanted = Math.min(chunkBytes, end - at);
        let read = 0;
        try {
          read = readSync(memory, buffer, kept, wanted, at);
        } catch {
          break; // It was unmapped meanwhile, or is no memory.
        }
        if (read === 0) break;
        at += read;
        bytes += read;
        const searched = buffer.subarray(0, kept + read);
        for (const text of found(searched, texts)) all.add(text);
        kept = Math.min(overlapBytes, searched.length);
        searched.copyWithin(0, searched.length - kept);
      }
    }
  } finally {
    closeSync(memory);
  }
  return { found: Array.from(all), bytes };
}
