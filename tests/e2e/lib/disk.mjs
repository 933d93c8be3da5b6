// Faults of the disk under one node, and of its clock, switched while it runs: tests/support/disk_faults.hpp.

import { closeSync, existsSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";

import { root, Skipped } from "./scenario.mjs";

const library = process.env.COTERIE_DISK_FAULTS_LIBRARY ?? path.join(root, "build/release/bin/libdisk_faults.so");
const kinds = { none: 0, fail: 1, kill: 2 };
const forever = 2n ** 62n;

export const errors = { EIO: 5, ENOSPC: 28, EROFS: 30 };

export class Disk {
  #fd;

  constructor(context, name) {
    if (!existsSync(library)) throw new Skipped(`there is no ${library}: run ./dev build, or build disk_faults`);
    this.file = path.join(context.directory, `${name}.disk`);
    writeFileSync(this.file, Buffer.alloc(48));
    this.#fd = openSync(this.file, "r+");
    context.defer(() => closeSync(this.#fd));
  }

  /** Goes before the command of a node whose disk this is. */
  get prefix() {
    return ["env", `LD_PRELOAD=${library}`, `COTERIE_DISK_FAULTS=${this.file}`];
  }

  /** After `after` more calls, `times` calls fail with `error`. */
  fail(error, { after = 0, times = forever } = {}) {
    this.#write(kinds.fail, errors[error], 0, after, times);
  }

  /** After `after` more calls the process dies, of a write after `part` percent of it. */
  kill({ after, part = 0 }) {
    this.#write(kinds.kill, 0, part, after, forever);
  }

  heal() {
    this.#write(kinds.none, 0, 0, 0, 0);
  }

  /** Writes, truncations and syncs of the data file so far. */
  get calls() {
    const bytes = Buffer.alloc(8);
    readSync(this.#fd, bytes, 0, 8, 32);
    return Number(bytes.readBigUInt64LE());
  }

  /** From now on the node's wall clock is wrong by `seconds`. */
  setClock(seconds) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds) * 1000n);
    writeSync(this.#fd, bytes, 0, 8, 40);
  }

  #write(kind, error, part, after, times) {
    const rest = Buffer.alloc(28);
    rest.writeUInt32LE(error, 0);
    rest.writeUInt32LE(part, 4);
    rest.writeBigInt64LE(BigInt(after), 12);
    rest.writeBigInt64LE(BigInt(times), 20);
    const first = Buffer.alloc(4);
    first.writeUInt32LE(kind, 0);
    // The kind last: the rest counts from then on.
    writeSync(this.#fd, Buffer.alloc(4), 0, 4, 0);
    writeSync(this.#fd, rest, 0, rest.length, 4);
    writeSync(this.#fd, first, 0, 4, 0);
  }
}
