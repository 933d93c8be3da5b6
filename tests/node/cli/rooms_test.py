#!/usr/bin/env python3
"""Chat and comments from the command line, between two nodes.

usage: rooms_test.py COTERIE [unittest arguments]
"""

import csv
import io
import json
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cli_test
from cli_test import CliTest

LISTEN = ["--listen", "tcp://127.0.0.1:0"]
NOTES = ["demo", "notes.md"]
TEXT = "one two\ntwo three\n\U0001f600 four\n"


class Rooms(CliTest):
    def setUp(self):
        super().setUp()
        self.red, self.blue = self.init("red"), self.init("blue")
        self.start(self.red, *LISTEN)
        self.start(self.blue, *LISTEN)
        self.ok("workspace", "create", "demo", "--data", self.red)
        notes = self.base / "notes.md"
        notes.write_text(TEXT)
        self.ok("import", "demo", notes, "--data", self.red)
        invite = self.ok("invite", "demo", "--data", self.red).strip()
        self.ok("join", invite, "--data", self.blue)
        self.wait_for("blue has the text", lambda: self.run_cli(
            "doc", "cat", *NOTES, "--data", self.blue).stdout == TEXT)

    def chat(self, data):
        """The newest first."""
        return self.ok_json("chat", *NOTES, "--data", data)["messages"]

    def comments(self, data, *options):
        return self.ok_json("comment", "list", *NOTES, *options, "--data", data)["messages"]

    def say(self, data, *arguments):
        return self.ok_json("chat", *NOTES, *arguments, "--data", data)

    def test_chat_of_two(self):
        self.assertIn("Nobody said", self.ok("chat", *NOTES, "--data", self.red))
        first = self.say(self.red, "hello @blue\x1b[31m\nsecond line")["id"]
        self.wait_for("blue hears it", lambda: self.chat(self.blue))
        [heard] = self.chat(self.blue)
        self.assertEqual((heard["id"], heard["author"]["name"], heard["deleted"]),
                         (first, "red", False))
        self.assertEqual(len(heard["mentions"]), 1)
        inbox = self.ok("mentions", "demo", "--data", self.blue)
        self.assertIn("notes.md", inbox)
        self.assertIn("hello @blue?[31m", inbox)  # Printable.
        self.assertIn("Nobody mentioned you", self.ok("mentions", "demo", "--data", self.red))

        answer = self.say(self.blue, "hi", "--reply", first[:8])["id"]
        self.ok("chat", *NOTES, "\U0001f44d", "--react", first[:8], "--data", self.blue)
        self.wait_for("red hears all", lambda: len(self.chat(self.red)) == 2
                      and self.chat(self.red)[1]["reactions"])
        shown = self.ok("chat", *NOTES, "--data", self.red)
        self.assertLess(shown.index(first[:8]), shown.index(answer[:8]))
        self.assertIn(f"(to {first[:8]})", shown)
        self.assertIn("\U0001f44d blue", shown)
        self.ok("chat", *NOTES, "\U0001f44d", "--unreact", first[:8], "--data", self.blue)

        self.fails("chat", *NOTES, "mine now", "--edit", first, "--data", self.blue,
                   says=["author"])
        self.fails("chat", *NOTES, "--delete", first, "--data", self.blue, says=["author"])
        self.ok("chat", *NOTES, "hello all", "--edit", first, "--data", self.red)
        self.ok("chat", *NOTES, "--delete", answer[:8], "--data", self.blue)
        self.wait_for("both see both changes", lambda: all(
            [(one["text"], one["deleted"]) for one in self.chat(data)]
            == [("", True), ("hello all", False)] for data in (self.red, self.blue)))
        self.assertIn("(deleted)", self.ok("chat", *NOTES, "--data", self.blue))

    def test_pages_and_unread(self):
        for number in range(5):
            self.ok("chat", *NOTES, f"message {number}", "--data", self.red)
        call = ("chat", *NOTES, "--limit", "2", "--data", self.blue)
        self.wait_for("blue has five", lambda: len(self.chat(self.blue)) == 5)
        page = self.ok_json(*call)
        self.assertEqual(page["unread"], 0)  # wait_for() showed them.
        seen = [one["text"] for one in page["messages"]]
        while "older" in page:
            page = self.ok_json(*call, "--before", page["older"])
            seen += [one["text"] for one in page["messages"]]
        self.assertEqual(seen, [f"message {number}" for number in range(4, -1, -1)])
        self.fails("chat", *NOTES, "--before", "nonsense", "--data", self.blue, says=["moment"])
        self.fails("chat", "demo", "none.md", "--data", self.blue, says=["no document"])
        self.fails("chat", *NOTES, "x", "--edit", "ffff", "--data", self.blue, says=["no message"])
        self.fails("chat", *NOTES, "x", "--edit", "fff", "--data", self.blue, says=["4 digits"])
        self.fails("chat", *NOTES, "x", "--edit", "ffff", "--delete", "ffff", "--data", self.blue,
                   code=2)
        self.fails("chat", *NOTES, "x" * 8193, "--data", self.blue)
        self.ok("chat", *NOTES, "x" * 8192, "--data", self.blue)

    def test_follows(self):
        self.ok("chat", *NOTES, "before", "--data", self.red)
        following = subprocess.Popen(
            [cli_test.COTERIE, "chat", *NOTES, "--follow", "--json", "--data", str(self.red)],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(following.kill)
        self.assertEqual(json.loads(following.stdout.readline())["text"], "before")
        for text in ("first", "second"):
            self.ok("chat", *NOTES, text, "--data", self.blue)
            self.assertEqual(json.loads(following.stdout.readline())["text"], text)
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=cli_test.PATIENCE)

    def test_comments(self):
        add = ("comment", "add", *NOTES)
        self.fails(*add, "which?", "--quote", "two", "--data", self.red, says=["more than once"])
        self.fails(*add, "where?", "--quote", "five", "--data", self.red, says=["not in"])
        self.fails(*add, "where?", "--data", self.red, says=["--quote"])
        self.fails(*add, "where?", "--line", "9", "--data", self.red, says=["no such line"])
        self.fails(*add, "where?", "--from", "3", "--to", "3", "--data", self.red)
        quoted = self.ok_json(*add, "count better", "--quote", "\U0001f600 four", "--suggest", "4",
                              "--data", self.red)["id"]
        lines = self.ok_json(*add, "both of them", "--line", "1-2", "--data", self.red)["id"]
        self.wait_for("blue has both", lambda: len(self.comments(self.blue)) == 2)
        by_lines, by_range = self.comments(self.blue)
        # Both ends as Yjs has them: other bytes each time.
        for end in ("start", "end"):
            self.assertRegex(by_range["anchor"].pop(end), "^[A-Za-z0-9_-]+$")
        self.assertEqual(by_range["anchor"], {
            "quote": "\U0001f600 four", "root": "monaco", "range": {"from": 18, "to": 25},
            "text_deleted": False})
        self.assertEqual(by_lines["anchor"], {
            "quote": "one two\ntwo three", "lines": {"first": 1, "last": 2}})
        self.ok("comment", "reply", *NOTES, quoted[:8], "why?", "--data", self.blue)
        self.ok("comment", "resolve", *NOTES, lines[:8], "--data", self.blue)
        self.wait_for("red sees it", lambda: self.comments(self.red)[0]["resolved"]
                      and self.comments(self.red)[1]["answers"])
        self.assertEqual([one["id"] for one in self.comments(self.red, "--filter", "open")],
                         [quoted])
        self.assertEqual([one["id"] for one in self.comments(self.red, "--filter", "resolved")],
                         [lines])
        shown = self.ok("comment", "list", *NOTES, "--data", self.red)
        self.assertIn("line 1 to 2", shown)
        self.assertIn("[resolved]", shown)
        self.assertIn("why?", shown)
        self.ok("comment", "reopen", *NOTES, lines, "--data", self.red)
        self.ok("comment", "accept", *NOTES, quoted, "--data", self.blue)
        self.wait_for("the text is changed", lambda: self.ok(
            "doc", "cat", *NOTES, "--data", self.red).endswith("\n4\n"))
        self.assertEqual(self.comments(self.blue)[1]["verdict"], "accepted")
        self.fails("comment", "accept", *NOTES, quoted, "--data", self.red)
        self.fails("comment", "delete", *NOTES, lines, "--data", self.blue, says=["author"])
        self.ok("comment", "delete", *NOTES, lines, "--data", self.red)

    def test_session_state(self):
        self.assertIn("none", self.ok("session", *NOTES, "--data", self.red))
        self.ok("session", *NOTES, "build", '{"ok": true}', "--data", self.red)
        self.ok("session", *NOTES, "mood", "quite good", "--data", self.red)
        self.wait_for("blue has both", lambda: len(self.ok_json(
            "session", *NOTES, "--data", self.blue)["state"]) == 2)
        self.assertEqual(self.ok_json("session", *NOTES, "build", "--data", self.blue)["value"],
                         {"ok": True})
        self.assertEqual(self.ok("session", *NOTES, "mood", "--data", self.blue),
                         '"quite good"\n')
        self.assertIn("red", self.ok("session", *NOTES, "--data", self.blue))
        self.fails("session", *NOTES, "none", "--data", self.blue, says=["no such key"])
        self.fails("session", *NOTES, "k" * 65, "1", "--data", self.blue)
        self.fails("session", *NOTES, "big", "x" * 5000, "--data", self.blue)
        self.fails("session", *NOTES, "mood", "x", "--remove", "--data", self.blue, code=2)
        self.ok("session", *NOTES, "mood", "--remove", "--data", self.blue)
        self.wait_for("red has one", lambda: len(self.ok_json(
            "session", *NOTES, "--data", self.red)["state"]) == 1)

    def test_activity_and_participants(self):
        self.ok("chat", *NOTES, "hello, \"all\"", "--data", self.red)
        self.ok("chat", *NOTES, "hi", "--data", self.blue)
        self.wait_for("both are told of", lambda: self.ok(
            "activity", *NOTES, "--data", self.red).count("said") == 2)
        shown = self.ok("activity", *NOTES, "--data", self.blue)
        self.assertIn("made the document", shown)
        self.assertIn('red  said: hello, "all"', shown)
        whole = self.ok_json("activity", "demo", "--data", self.red)["items"]
        self.assertIn("membership", {one["kind"] for one in whole})
        for word in ("csv", "json"):
            text = self.ok("activity", "demo", "--export", word, "--data", self.red)
            if word == "json":
                self.assertEqual(json.loads(text)["items"], whole)
            else:
                rows = list(csv.reader(io.StringIO(text)))
                self.assertEqual(len(rows), len(whole) + 1)
                self.assertIn('said: hello, "all"', [row[-1] for row in rows])
        self.fails("activity", "demo", "none.md", "--data", self.red, says=["no document"])
        self.assertIn("Nobody", self.ok("participants", *NOTES, "--data", self.red))


if __name__ == "__main__":
    cli_test.COTERIE = sys.argv.pop(1)
    unittest.main()
