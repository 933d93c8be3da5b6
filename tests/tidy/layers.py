#!/usr/bin/env python3
"""Style as a test: who may include whom, what a pure core may touch, and housekeeping.

Run from anywhere: python3 tests/tidy/layers.py. Prints each finding as file:line: text; exits 1 if
there is one. Rules and reasons: docs/ARCHITECTURE.md, "Layers".
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A file's layer is the longest key that prefixes its path. It may include its own layer and those
# listed, and nothing else of ours: so crdt/internal is private to crdt, and LMDB to the daemon.
BASE = ["crdt/base"]
CORE = BASE + ["crdt", "storage", "transport/crypto", "transport/wire", "transport/core"]
DRIVERS = CORE + ["storage/files", "storage/lmdb", "storage/memory", "transport/zmq", "node/core"]
MAY_INCLUDE = {
    "crdt/base": [],
    "crdt/internal": BASE + ["crdt"],
    "crdt": BASE + ["crdt/internal"],
    "storage": BASE,
    "storage/files": BASE,
    "storage/lmdb": BASE + ["storage", "storage/files"],
    "storage/memory": BASE + ["storage"],
    "transport/crypto": BASE + ["transport/wire"],
    "transport/wire": BASE + ["transport/crypto"],
    "transport/core": BASE + ["transport/crypto", "transport/wire"],
    "transport/zmq": BASE + ["transport/crypto", "transport/wire", "transport/core"],
    "node/core": CORE,
    "node/identity": BASE + ["storage/files", "transport/crypto", "transport/wire"],
    "node/bridge": BASE + ["node/core"],
    "node/daemon": DRIVERS + ["node/identity", "node/bridge"],
    "node/cli": DRIVERS + ["node/identity", "node/bridge", "node/daemon"],
}

# Third-party headers that appear in one folder each.
ONLY_IN = {
    r"<sodium": "transport/crypto",
    r"<zmq": "transport/zmq",
    r"<lmdb": "storage/lmdb",
    r"<msgpack": "transport/wire",
    r"<(?:miniupnpc|natpmp)": "node/daemon",
    r"<(?:openssl/|zlib\.h)": "node/bridge",
}

# A core is a function of its inputs: no time, entropy, threads, files or environment of its own.
PURE = ("crdt", "storage/memory", "transport/core", "transport/wire", "node/core")
IMPURE = re.compile(
    r"_clock::now|std::random_device|std::(?:jthread|thread|async)\b|\bgetenv\b|\btime\(nullptr\)"
    r"|#include <(?:fstream|filesystem|thread|sys/|unistd|boost|spdlog)")

# "remove before merge" and the like; the pattern is split so that this file does not match itself.
LEFTOVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
COLUMNS_MAX = 100


def tracked(*patterns):
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if (ROOT / line).is_file()]


def layer_of(path, layers):
    fitting = [key for key in layers if path.startswith(key + "/")]
    return max(fitting, key=len) if fitting else None


def check_source(path, findings):
    layer = layer_of(path, MAY_INCLUDE)
    pure = any(path.startswith(p + "/") for p in PURE)
    for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
        def found(text, number=number):
            findings.append(f"{path}:{number}: {text}")
        if len(line) > COLUMNS_MAX and "http" not in line:
            found(f"{len(line)} columns, at most {COLUMNS_MAX}")
        if LEFTOVER.search(line):
            found("leftover marker: open an issue or write the limit into the documentation")
        include = re.match(r'\s*#include "([^"]+)"', line)
        if include and layer:
            target = layer_of(include[1], MAY_INCLUDE)
            if target and target != layer and target not in MAY_INCLUDE[layer]:
                found(f"{layer} may not include {target}")
            if include[1].startswith("tests/"):
                found(f"{layer} may not include tests")
        for pattern, home in ONLY_IN.items():
            if re.match(r"\s*#include " + pattern, line) and layer != home and layer:
                found(f"{pattern[1:]} belongs in {home} only")
        if pure and IMPURE.search(line):
            found("a pure core may not touch time, entropy, threads, files or environment")


def check_tests_are_registered(findings):
    lists = "\n".join((ROOT / f).read_text() for f in tracked("tests/*.cmake", "tests/*CMakeLists.txt"))
    for path in tracked("tests/*_test.cpp", "tests/*_sim.cpp", "tests/*_fuzz.cpp"):
        stem = pathlib.Path(path).stem
        looped = re.search(rf"\b{stem.rpartition('_')[0]}\b", lists)  # foreach(test entry records)
        if stem not in lists and not looped:
            findings.append(f"{path}:1: not registered in any tests.cmake: it would never run")


def check_lock_files(findings):
    for path in tracked("*package-lock.json"):
        if '"resolved"' in (ROOT / path).read_text():
            findings.append(f"{path}:1: records download addresses")


def main():
    findings = []
    for path in tracked("*.cpp", "*.hpp"):
        check_source(path, findings)
    check_tests_are_registered(findings)
    check_lock_files(findings)
    for finding in findings:
        print(finding)
    print(f"layers: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
