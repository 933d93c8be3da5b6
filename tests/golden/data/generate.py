#!/usr/bin/env python3
"""Makes a golden data directory, as a backup of one file: what every later build must open.

usage: generate.py COTERIE OUT

Run it once for a schema version, when it is released; the file then stays as it is. Until the first
release the newest may be made anew with each change of a format.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

TEXTS = {
    "notes/plain.md": "# Golden\n\nWhat was written once is read for ever.\n",
    "notes/unicode.txt": "Grüße, мир, 世界, 🌍\r\n",
    "empty": "",
    "long.txt": "".join(f"line {number}\n" for number in range(400)),
}


def main():
    coterie, out = map(os.path.abspath, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as base:
        data = pathlib.Path(base) / "data"

        def run(*arguments):
            subprocess.run([coterie, *map(str, arguments), "--data", data], check=True,
                           stdout=subprocess.DEVNULL)

        folder = pathlib.Path(base) / "in"
        for path, text in TEXTS.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text.encode())
        run("init", "--name", "golden")
        run("workspace", "create", "demo")
        run("import", "demo", folder)
        run("doc", "create", "demo", "created")
        run("rotate", "demo")
        run("import", "demo", folder / "empty", "--into", "after the rotation")
        run("compact")
        run("backup", out, "--archive")


if __name__ == "__main__":
    main()
