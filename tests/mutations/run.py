#!/usr/bin/env python3
"""Does the simulator catch what it is there for? Breaks the product on purpose, a line at a time.

Usage: run.py [--seeds N] [--seconds N] [--jobs N] [NAME...]

Each *.mutation file beside this one says which line of the product to change, and how. For each, in
a scratch copy (build/mutations), the change is made, the simulator built and run until it fails, or
until its seeds or its time are used up. Prints a line for each: caught, with the seed, or NOT CAUGHT.
Exits with 1 if one was not caught or does not fit the sources any more. The tree itself is only read.

    # Why this must be caught: which invariant it breaks.
    file node/core/presence.cpp
    sim team_sim                       (or node_sim; team_sim if left out)
    <<<<
    text as it is, to be found exactly once
    ====
    text instead
    >>>>

Several file/<<<< groups make one mutation.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCRATCH = ROOT / "build" / "mutations"
SOURCE = SCRATCH / "source"
# Where ./dev puts it below the sources: a compiler cache sees the same relative paths, and only what
# a mutation touches is compiled anew.
BUILD = SOURCE / "build" / "release"


class Stale(Exception):
    pass


def read_mutation(path):
    sim = "team_sim"
    changes = []
    file = None
    part = None  # Lines of what is being read: None, old or new.
    old, new = [], []
    for line in path.read_text().splitlines():
        if part is None and line.startswith("file "):
            file = line.split()[1]
        elif part is None and line.startswith("sim "):
            sim = line.split()[1]
        elif line == "<<<<":
            part, old, new = "old", [], []
        elif line == "====":
            part = "new"
        elif line == ">>>>":
            changes.append((file, "\n".join(old), "\n".join(new)))
            part = None
        elif part == "old":
            old.append(line)
        elif part == "new":
            new.append(line)
    if not changes:
        raise Stale("says no change")
    return sim, changes


def copy_sources():
    """Tracked and new files, as they are, and no others; those that did not change keep their time."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    kept = set(listed)
    for target in list(SOURCE.rglob("*")):
        name = target.relative_to(SOURCE)
        if target.is_file() and name.parts[0] != "build" and str(name) not in kept:
            target.unlink()
    for name in listed:
        source, target = ROOT / name, SOURCE / name
        if not source.is_file():
            continue
        content = source.read_bytes()
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        os.utime(target)  # Newer than what was built of the mutation.


def apply(changes):
    texts = {}
    for file, old, new in changes:
        if not (SOURCE / file).is_file():
            raise Stale(f"there is no {file}")
        text = texts.get(file) or (SOURCE / file).read_text()
        count = text.count(old)
        if count != 1:
            raise Stale(f"{file}: the text is there {count} times")
        texts[file] = text.replace(old, new)
    for file, text in texts.items():
        (SOURCE / file).write_text(text)


def build(sim, jobs, environment):
    if not (BUILD / "build.ninja").is_file():
        command = ["cmake", "--preset", "release", "-Wno-dev"]
        if shutil.which("ccache"):
            command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=SOURCE)
    return subprocess.run(["cmake", "--build", BUILD, f"-j{jobs}", "--target", f"sim.{sim}"],
                          capture_output=True, text=True, env=environment)


def run(sim, seeds, seconds, jobs, environment):
    """The first seed that fails, and what it said; None if none does."""
    share = -(-seeds // jobs)
    running = []
    for job in range(jobs):
        mine = dict(environment, COTERIE_SEEDS=str(share), COTERIE_SEED_BASE=str(1 + job * share),
                    COTERIE_SEED_FILE=str(SCRATCH / f"seed{job}"))
        with open(SCRATCH / f"said{job}", "w") as said:
            running.append((job, subprocess.Popen([BUILD / "bin" / f"sim.{sim}"], env=mine,
                                                  stdout=said, stderr=subprocess.STDOUT)))
    deadline = time.monotonic() + seconds
    caught = None
    try:
        while running and caught is None:
            for job, process in list(running):
                if process.poll() is None:
                    if time.monotonic() > deadline:
                        return None
                    continue
                said = (SCRATCH / f"said{job}").read_text()
                running.remove((job, process))
                if process.returncode == 0:
                    continue
                # An assertion of the product ends the process without a word about the seed.
                traced = re.search(r"COTERIE_SEED=(\d+)", said)
                seed = traced[1] if traced else (SCRATCH / f"seed{job}").read_text().strip()
                broken = re.search(r"invariant broken: .*", said)
                why = re.search(r"(?m)^(?!.*(?:Failure|Which is|Expected|Value of|Actual))(\S.{20,})$",
                                said.partition("Failure")[2])
                caught = (seed, why[1][:80] if why else broken[0][:80] if broken
                          else f"ended with {process.returncode}")
            time.sleep(0.05)
    finally:
        for _, process in running:
            process.kill()
            process.wait()
    return caught


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=150)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    environment = dict(os.environ, CCACHE_BASEDIR=str(SCRATCH), CCACHE_NOHASHDIR="1")
    paths = sorted(HERE.glob("*.mutation"))
    if arguments.names:
        paths = [path for path in paths if path.stem in arguments.names]
    failed = 0
    for path in paths:
        started = time.monotonic()
        copy_sources()
        try:
            sim, changes = read_mutation(path)
            apply(changes)
            built = build(sim, arguments.jobs, environment)
            if built.returncode != 0:
                errors = re.findall(r".*error: .*", built.stdout)
                raise Stale("does not compile: " + (errors or ["?"])[0])
            caught = run(sim, arguments.seeds, arguments.seconds, arguments.jobs, environment)
        except Stale as stale:
            verdict = f"STALE: {stale}"
            failed += 1
        else:
            failed += caught is None
            verdict = "NOT CAUGHT" if caught is None else f"caught by seed {caught[0]}: {caught[1]}"
        print(f"{path.stem:32} {time.monotonic() - started:5.0f} s  {verdict}", flush=True)
    copy_sources()
    print(f"{len(paths)} mutations, {failed} not caught")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
