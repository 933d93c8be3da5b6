#!/usr/bin/env python3
"""history show, keep, checkpoint and prune, and joining where all have pruned, by the real binary.

usage: retention_test.py COTERIE [unittest arguments]
"""

import sys
import unittest

import cli_test
from cli_test import CliTest

LISTEN = ("--listen", "tcp://127.0.0.1:0")


class Retention(CliTest):
    def setUp(self):
        super().setUp()
        self.red, self.green = self.init("red"), self.init("green")
        self.nodes_of = {self.red: self.start(self.red, *LISTEN),
                         self.green: self.start(self.green, *LISTEN)}
        self.ok("workspace", "create", "demo", "--data", self.red)
        self.join(self.green)
        folder = self.base / "in"
        folder.mkdir()
        for number in range(30):
            (folder / f"{number}.md").write_text(f"words {number}\n" * (number + 1))
        self.ok("import", "demo", folder, "--data", self.red)

    def join(self, data):
        invite = self.ok("invite", "demo", "--data", self.red).strip()
        self.ok("join", invite, "--data", data)

    def write(self, name):
        path = self.base / name
        path.write_text("more\n")
        self.ok("import", "demo", path, "--data", self.red)

    def texts(self, data):
        """Of all documents that are here, by path."""
        listed = self.ok_json("doc", "list", "demo", "--data", data)["documents"]
        return {one["path"]: self.ok("doc", "cat", "demo", one["path"], "--data", data)
                for one in listed}

    def kept(self, data):
        return self.ok_json("history", "show", "demo", "--data", data)

    def agree(self):
        made = self.ok_json("history", "checkpoint", "demo", "--data", self.red)["checkpoint"]
        for data in (self.red, self.green):
            self.wait_for("members agree", lambda data=data: any(
                one["id"] == made and one["base"] for one in self.kept(data)["checkpoints"]))
        return made

    def prune(self, data):
        self.ok("history", "prune", "demo", "--data", data)
        self.wait_for("it is pruned", lambda: not self.kept(data)["pruning"])

    def test_newcomers_where_all_pruned_and_every_directory_whole(self):
        texts = self.texts(self.red)
        self.assertEqual(texts["29.md"], "words 29\n" * 30)
        self.fails("history", "prune", "demo", "--data", self.red, says=["no checkpoint stands"])
        made = self.agree()
        self.assertIn(made[:8], self.ok("history", "show", "demo", "--data", self.red))
        self.assertIn("agreed", self.ok("history", "show", "demo", "--data", self.green))
        for data in (self.red, self.green):
            self.prune(data)
            kept = self.kept(data)
            self.assertGreater(kept["below_floor"], 20)
            self.assertTrue(kept["checkpoints"][0]["floor"])
            self.assertIn("pruned", self.ok("history", "show", "demo", "--data", data))
        self.assertEqual(self.texts(self.red), texts)
        self.write("after.md")
        after = self.texts(self.red)
        self.assertEqual(len(after), 31)

        blue = self.init("blue")
        self.nodes_of[blue] = self.start(blue, *LISTEN)
        self.join(blue)
        self.wait_for("blue has the documents", lambda: self.texts(blue) == after)
        self.assertEqual(self.kept(blue)["checkpoints"][0]["id"], made)
        names = self.ok_json("doc", "versions", "demo", "7.md", "--data", blue)["versions"]
        self.assertGreaterEqual(len(names), 1)
        self.ok("doc", "blame", "demo", "7.md", "--data", blue)

        for data in (self.red, self.green, blue):
            self.assertEqual(self.nodes_of[data].stop()[0], 0)
            examined = self.run_cli("doctor", "--data", data)
            self.assertEqual(examined.returncode, 0, examined.stdout)
            self.ok("compact", "--data", data)
            self.ok("backup", self.base / f"{data.name}.tar", "--archive", "--data", data)
            self.assertEqual(self.texts(data), after)

    def test_keep(self):
        self.assertIsNone(self.kept(self.red)["keep_hours"])
        self.assertIn("for ever", self.ok("history", "show", "demo", "--data", self.red))
        self.ok("history", "keep", "demo", "90d", "--data", self.red)
        self.assertEqual(self.kept(self.red)["keep_hours"], 90 * 24)
        self.assertIn("90 days", self.ok("history", "show", "demo", "--data", self.red))
        self.assertIsNone(self.kept(self.green)["keep_hours"], "each device for itself")
        for wrong in ("soon", "59m", "0d", "-1d"):
            self.fails("history", "keep", "demo", wrong, "--data", self.red, code=2,
                       says=["forever"])
        self.fails("history", "keep", "demo", "99999d", "--data", self.red, says=["hundred years"])
        self.ok("history", "keep", "demo", "forever", "--data", self.red)
        self.assertIsNone(self.kept(self.red)["keep_hours"])

    def test_nothing_to_do_is_said(self):
        self.fails("history", "show", "nowhere", "--data", self.red, says=["no workspace"])
        self.fails("history", "checkpoint", "nowhere", "--data", self.red, says=["no workspace"])
        self.agree()
        self.prune(self.red)
        self.fails("history", "prune", "demo", "--data", self.red, says=["no checkpoint stands"])


if __name__ == "__main__":
    cli_test.COTERIE = sys.argv.pop(1)
    unittest.main()
