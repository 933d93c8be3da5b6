// The frame every scenario runs in: arguments, a working directory, clean-up, figures, exit code.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { randomFrom } from "./random.mjs";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const artifacts = path.join(root, "build/artifacts");

/** Thrown where a scenario cannot be run here; ctest shows it as skipped. */
export class Skipped extends Error {}
const skippedExitCode = 77;

/** What waiting longer cannot mend: until() passes it on at once. */
export class Hopeless extends Error {}

/** Throws, naming what was expected, unless `condition` holds. */
export function check(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks `condition` again until it gives something true, and returns that. */
export async function until(what, condition, { timeoutMs = 30_000, everyMs = 50 } = {}) {
  const deadline = Date.now() + timeoutMs;
  let lastError;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      lastError = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`gave up after ${timeoutMs / 1000} s waiting until ${what}`, { cause: lastError });
    }
    await sleep(everyMs);
  }
}

/** What `promise` gives, if it does within `timeoutMs`. */
export async function within(what, promise, { timeoutMs = 30_000 } = {}) {
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`gave up after ${timeoutMs / 1000} s waiting until ${what}`);
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What a scenario's body gets. */
class Context {
  #cleanups = [];

  constructor(args, directory) {
    this.args = args;
    this.directory = directory;
    this.seed = args.seed;
    this.random = randomFrom(args.seed);
  }

  /** Runs `cleanup` when the scenario ends, however it ends; last in, first out. */
  defer(cleanup) {
    this.#cleanups.push(cleanup);
  }

  async cleanUp() {
    for (const cleanup of this.#cleanups.reverse()) {
      try {
        await cleanup();
      } catch (error) {
        console.error("clean-up:", error);
      }
    }
    this.#cleanups = [];
  }

  log(...parts) {
    console.log(...parts);
  }

  figure(name, value) {
    console.log(`  ${name.padEnd(34)} ${value}`);
  }
}

/**
 * Runs `body(context)` as the script's whole work and exits: 0 if it returned, 1 if it threw, 77 if
 * it threw Skipped. `options` are parseArgs() options; --seed is always there, and every failure
 * ends with the command that runs the same again.
 */
export async function scenario(options, body) {
  const script = path.relative(root, process.argv[1]);
  const { values, positionals } = parseArgs({
    options: { seed: { type: "string" }, ...options },
    allowPositionals: true,
  });
  const args = { ...values, positionals };
  for (const [name, { number }] of Object.entries({ seed: { number: true }, ...options })) {
    if (!number || args[name] === undefined) continue;
    args[name] = Number(args[name]);
    if (!Number.isSafeInteger(args[name]) || args[name] < 0) {
      console.error(`--${name} must be a whole number`);
      process.exit(2);
    }
  }
  args.seed ??= process.env.COTERIE_SEED ? Number(process.env.COTERIE_SEED) : Math.floor(Math.random() * 2 ** 31);

  const given = process.argv.slice(2).filter((arg, i, all) => !/^--seed/.test(arg) && all[i - 1] !== "--seed");
  const rerun = ["node", script, ...given, "--seed", args.seed].join(" ");
  const context = new Context(args, await mkdtemp(path.join(tmpdir(), "coterie-e2e-")));
  let code = 1;
  const end = async () => {
    await context.cleanUp();
    if (code === 1) console.error(`data and logs are kept in ${context.directory}`);
    else await rm(context.directory, { recursive: true, force: true });
    process.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      console.error(`stopped by ${signal}`);
      void end();
    });
  }
  console.log(`${script}: seed ${args.seed}`);
  const started = performance.now();
  try {
    await body(context);
    code = 0;
    context.figure("whole scenario", `${((performance.now() - started) / 1000).toFixed(1)} s`);
    console.log(`passed; again with: ${rerun}`);
  } catch (error) {
    if (error instanceof Skipped) {
      code = skippedExitCode;
      console.log(`SKIPPED: ${error.message}`);
    } else {
      console.error(error);
      console.error(`FAILED; again with: ${rerun}`);
    }
  }
  await end();
}
