#!/usr/bin/env python3
"""Documents from the command line, between two nodes.

usage: documents_test.py COTERIE [unittest arguments]
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cli_test
from cli_test import CliTest

LISTEN = ["--listen", "tcp://127.0.0.1:0"]


class Documents(CliTest):
    def setUp(self):
        super().setUp()
        self.red = self.init("red")
        self.ok("workspace", "create", "demo", "--data", self.red)

    def doc(self, verb, *arguments, data=None):
        return self.ok("doc", verb, "demo", *arguments, "--data", data or self.red)

    def doc_json(self, verb, *arguments, data=None):
        return self.ok_json("doc", verb, "demo", *arguments, "--data", data or self.red)

    def paths(self, *options, data=None):
        return [one["path"] for one in self.doc_json("list", *options, data=data)["documents"]]

    def test_from_making_to_the_trash(self):
        listed = self.ok_json("doc", "templates", "--data", self.red)["templates"]
        self.assertEqual(listed[0]["name"], "blank")
        self.assertIn("screenplay", self.ok("doc", "templates", "--data", self.red))
        self.assertIn("Made src/main.py", self.doc("create", "src/main.py", "--language", "python",
                                                   "--title", "Main", "--meta", "status=draft"))
        self.doc("create", "minutes", "--template", "meeting")
        self.doc("create", "src/x", "--kind", "plain")
        self.fails("doc", "create", "demo", "minutes", "--data", self.red, says=["exists"])
        self.fails("doc", "create", "demo", "y", "--template", "no", "--data", self.red,
                   says=["no template"])
        self.fails("doc", "set", "demo", "minutes", "--kind", "film", "--data", self.red)
        self.fails("doc", "set", "demo", "minutes", "--meta", "x", "--data", self.red,
                   says=["NAME=VALUE"])
        self.assertIn("def main():", self.doc("cat", "src/main.py"))
        info = self.doc_json("info", "src/main.py")
        self.assertEqual((info["title"], info["kind"], info["language"], info["meta"]),
                         ("Main", "code", "python", {"status": "draft"}))
        self.doc("set", "src/main.py", "--language", "go", "--meta", "status=", "--title", "")
        info = self.doc_json("info", info["id"])
        self.assertEqual((info["title"], info["language"], info["meta"]), ("", "go", {}))
        self.assertIn("package main", self.doc("cat", "src/main.py"))

        self.assertEqual(self.paths("--folder", "src"), ["src/main.py", "src/x"])
        self.assertIn("Now lib/main.py", self.doc("move", "src", "lib"))
        self.assertEqual(self.paths(), ["lib/main.py", "lib/x", "minutes"])
        self.fails("doc", "move", "demo", "lib/x", "minutes", "--data", self.red, says=["exists"])
        self.fails("doc", "move", "demo", "src", "lib", "--data", self.red, says=["no document"])

        self.doc("archive", "lib/x")
        self.assertIn("1 document archived", self.doc("list"))
        self.assertIn("lib/x", self.doc("list", "--archived"))
        self.doc("unarchive", "lib/x")
        self.assertIn("No document is archived", self.doc("list", "--archived"))

        self.assertIn("in the trash", self.doc("trash", "minutes"))
        self.assertEqual(self.paths(), ["lib/main.py", "lib/x"])
        self.assertEqual(self.paths("--trash"), ["minutes"])
        self.assertIn("in the trash since", self.doc("info", "minutes"))
        self.fails("doc", "cat", "demo", "minutes", "--data", self.red, says=["no document"])
        self.doc("create", "minutes")
        self.assertIn("minutes (2) is back", self.doc("untrash", "minutes"))
        self.assertIn("The trash is empty", self.doc("list", "--trash"))
        self.fails("doc", "untrash", "demo", "minutes", "--data", self.red, says=["in the trash"])

        found = self.doc_json("search", "FMT.print")
        self.assertEqual([(one["path"], one["where"], one["line"]) for one in found["hits"]],
                         [("lib/main.py", "content", 6)])
        self.assertFalse(found["more"])
        self.assertIn("line 6", self.doc("search", "println"))
        self.assertIn("Nothing found", self.doc("search", "println", "--folder", "minutes"))
        self.assertEqual(len(self.doc_json("search", "m", "--limit", "1")["hits"]), 1)
        self.fails("doc", "search", "demo", "x" * 201, "--data", self.red)

    def test_two_see_the_same(self):
        blue = self.init("blue")
        self.start(self.red, *LISTEN)
        self.start(blue, *LISTEN)
        self.doc("create", "a.py", "--template", "python", "--title", "One")
        invite = self.ok("invite", "demo", "--data", self.red).strip()
        self.ok("join", invite, "--data", blue)
        self.doc("move", "a.py", "b.py")
        self.wait_for("blue sees the move", lambda: self.paths(data=blue) == ["b.py"])
        self.assertEqual(self.doc_json("info", "b.py", data=blue)["title"], "One")
        self.doc("trash", "b.py", data=blue)
        self.wait_for("red sees the trash", lambda: self.paths("--trash") == ["b.py"])


if __name__ == "__main__":
    cli_test.COTERIE = sys.argv.pop(1)
    unittest.main()
