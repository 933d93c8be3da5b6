#!/usr/bin/env python3
"""export and import by the real binary: documents as files, folders, whole workspaces.

usage: export_test.py COTERIE [unittest arguments]
"""

import json
import os
import subprocess
import sys
import unittest

import cli_test
from cli_test import CliTest


class Export(CliTest):
    def setUp(self):
        super().setUp()
        self.red = self.init("red")
        self.ok("workspace", "create", "demo", "--data", self.red)
        self.folder = self.base / "in"
        (self.folder / "sub").mkdir(parents=True)
        (self.folder / "a.md").write_bytes(b"# hello\n\nworld")
        (self.folder / "sub" / "b.txt").write_bytes("ünï 😀\r\n".encode())
        (self.folder / "empty").write_bytes(b"")

    def files(self, folder):
        return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*")
                if one.is_file() and one.name != "coterie-export.json"}

    def bring(self, *arguments, code=0):
        result = self.run_cli("import", *arguments, "--data", self.red, "--json")
        self.assertEqual(result.returncode, code, result.stderr)
        return json.loads(result.stdout)

    def test_a_folder_there_and_back(self):
        for running in (False, True):
            if running:
                self.start(self.red)
            with self.subTest(running=running):
                name = f"team {running}"
                self.ok("workspace", "create", name, "--data", self.red)
                told = self.bring(name, self.folder)
                self.assertEqual(told, {"imported": ["a.md", "empty", "sub/b.txt"], "refused": []})
                out = self.base / f"out {running}"
                self.ok("export", name, "--to", out, "--data", self.red)
                self.assertEqual(self.files(out), self.files(self.folder))
                self.assertEqual(self.ok("doc", "cat", name, "a.md", "--root", "monaco",
                                         "--data", self.red), "# hello\n\nworld")

    def test_what_is_refused_is_listed_and_the_rest_comes_in(self):
        (self.folder / "picture.png").write_bytes(bytes(range(256)))
        (self.folder / "zero").write_bytes(b"text\0text")
        (self.folder / "link").symlink_to("a.md")
        os.mkfifo(self.folder / "fifo")
        (self.folder / "back\\slash").write_bytes(b"x")
        (self.folder / ".git").mkdir()
        (self.folder / ".git" / "config").write_bytes(b"x")
        self.ok("doc", "create", "demo", "a.md", "--data", self.red)
        told = self.bring("demo", self.folder, code=1)
        self.assertEqual(told["imported"], ["empty", "sub/b.txt"])
        why = {os.path.basename(one["file"]): one["why"] for one in told["refused"]}
        self.assertEqual(sorted(why), ["a.md", "back\\slash", "fifo", "link", "picture.png", "zero"])
        self.assertIn("exists", why["a.md"])
        self.assertIn("not text", why["picture.png"])
        self.assertIn("not text", why["zero"])
        self.assertIn("symbolic link", why["link"])
        again = self.run_cli("import", "demo", self.folder, "--data", self.red)
        self.assertIn("picture.png: not imported: not text", again.stderr)

    def test_dry_runs_change_nothing(self):
        told = self.bring("demo", self.folder, "--dry-run")
        self.assertEqual(len(told["imported"]), 3)
        self.assertEqual(self.ok_json("doc", "list", "demo", "--data", self.red)["documents"], [])

    def test_sizes_at_and_past_the_limit(self):
        limit = 32 << 20
        (self.folder / "fits").write_bytes(b"0123456789abcde\n" * (limit // 16))
        (self.folder / "larger").write_bytes(b"x" * (limit + 1))
        told = self.bring("demo", self.folder, code=1)
        self.assertIn("fits", told["imported"])
        self.assertEqual([one["why"] for one in told["refused"]], ["too large"])
        out = self.base / "out"
        self.ok("export", "demo", "fits", "--out", out, "--data", self.red)
        self.assertEqual(out.read_bytes(), (self.folder / "fits").read_bytes())

    def test_whole_workspaces_as_updates_keep_every_byte_of_state(self):
        self.bring("demo", self.folder)
        self.ok("workspace", "create", "other", "--data", self.red)
        for number, form in enumerate(("yjs", "yjs2")):
            out = self.base / form
            self.ok("export", "demo", "--to", out, "--format", form, "--data", self.red)
            # The second time nothing is new.
            self.assertEqual(len(self.bring("other", out)["imported"]), 3, number)
        for path in ("a.md", "sub/b.txt", "empty"):
            self.assertEqual(self.ok("doc", "state", "demo", path, "--data", self.red),
                             self.ok("doc", "state", "other", path, "--data", self.red))

    def test_paths_that_are_no_file_names(self):
        paths = ["a", "a/b", "coterie-export.json", "long/" + "x" * 300, "."]
        for path in paths[:-1]:
            self.ok("doc", "create", "demo", path, "--data", self.red)
        out = self.base / "out"
        self.ok("export", "demo", "--to", out, "--format", "yjs", "--data", self.red)
        self.ok("workspace", "create", "other", "--data", self.red)
        told = self.bring("other", out)
        self.assertEqual(sorted(told["imported"]), sorted(paths[:-1]))
        self.ok("export", "demo", "--to", self.base / "text", "--data", self.red)

    def test_a_manifest_reaches_nothing_outside_its_folder(self):
        secret = self.base / "secret"
        secret.write_text("mine")
        manifest = {"coterie_export": 1, "workspace": "demo", "format": "text",
                    "documents": [{"path": "stolen", "file": "../secret"}]}
        (self.folder / "coterie-export.json").write_text(json.dumps(manifest))
        self.assertNotIn("stolen", self.bring("demo", self.folder)["imported"])

    def test_formats(self):
        self.bring("demo", self.folder)
        show = lambda *more: self.ok("export", "demo", "a.md", *more, "--data", self.red)
        self.assertEqual(show(), "# hello\n\nworld")
        self.assertEqual(show("--format", "markdown"), "# hello\n\nworld")
        self.assertEqual(json.loads(show("--format", "json")),
                         {"monaco": [{"insert": "# hello\n\nworld"}]})
        self.assertIn("<pre># hello\n\nworld</pre>", show("--format", "html"))
        self.assertEqual(show("--root", "other"), "")

    def test_where_it_goes(self):
        self.bring("demo", self.folder / "a.md", "--into", "notes/")
        self.bring("demo", self.folder / "a.md", "--into", "notes//deep/", code=1)
        export = lambda *more: ("export", "demo", "notes/a.md", "--data", self.red, *more)
        self.assertEqual(self.ok(*export()), "# hello\n\nworld")
        self.assertEqual(self.ok(*export("--out", "/dev/stdout")), "# hello\n\nworld")
        with open(self.base / "log", "w+b") as log:  # Others hold it open.
            log.write(b"before\n")
            log.flush()
            subprocess.run([cli_test.COTERIE, *map(str, export("--out", "/dev/stdout"))],
                           stdout=log, check=True)
        self.assertEqual((self.base / "log").read_bytes(), b"before\n# hello\n\nworld")
        file = self.folder / "a.md"
        self.fails(*export("--out", file / "x"), says=["Not a directory"])
        self.fails("export", "demo", "--to", file / "x", "--data", self.red,
                   says=["its folder cannot be made"])
        self.fails(*export("--out", "/dev/full"), says=["the disk is full"])
        self.fails(*export("--out", ""), code=2, says=["names no file"])
        self.fails("import", "demo", "/dev/null", "--data", self.red, says=["neither"])

    def test_bad_arguments(self):
        self.fails("export", "demo", "--data", self.red, code=2, says=["--to"])
        self.fails("export", "demo", "a", "--format", "pdf", "--data", self.red, code=2)
        self.fails("export", "demo", "nothing.md", "--data", self.red, says=["no document"])
        self.fails("import", "demo", self.base / "nowhere", "--data", self.red, says=["no such"])
        self.fails("export", "demo", "--to", self.folder, "--data", self.red, says=["not empty"])
        (self.base / "junk").write_bytes(b"junk")
        told = self.bring("demo", self.base / "junk", "--format", "yjs", code=1)
        self.assertEqual(told["refused"][0]["why"], "no Yjs update")


if __name__ == "__main__":
    cli_test.COTERIE = sys.argv.pop(1)
    unittest.main(verbosity=1)
