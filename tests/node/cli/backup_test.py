#!/usr/bin/env python3
"""Backups, restores and compaction by the real binary, beside running and stopped nodes.

usage: backup_test.py COTERIE [unittest arguments]
"""

import hashlib
import json
import shutil
import stat
import subprocess
import sys
import tarfile
import unittest

import cli_test
from cli_test import CliTest


class Backup(CliTest):
    def setUp(self):
        super().setUp()
        self.red = self.init("red")
        self.ok("workspace", "create", "demo", "--data", self.red)
        for name in ("a.md", "b.md"):
            self.ok("doc", "create", "demo", name, "--data", self.red)

    def paths(self, data):
        return sorted(one["path"] for one in
                      self.ok_json("doc", "list", "demo", "--data", data)["documents"])

    def data_file(self, data):
        return next((data / "workspaces").glob("*/data.mdb"))

    def test_directory_and_archive_while_it_runs_and_stopped(self):
        for running in (False, True):
            if running:
                node = self.start(self.red)
            for archive in (False, True):
                with self.subTest(running=running, archive=archive):
                    to = self.base / f"backup-{running}-{archive}"
                    made = self.ok_json("backup", to, "--data", self.red,
                                        *(["--archive"] if archive else []))
                    self.assertEqual(made["workspaces"], 1)
                    back = self.base / f"back-{running}-{archive}"
                    restored = self.ok_json("restore", to, "--data", back)
                    self.assertEqual(restored["device"], made["device"])
                    self.assertEqual(self.paths(back), ["a.md", "b.md"])
                    self.assertEqual(stat.S_IMODE(back.stat().st_mode), 0o700)
                    for one in back.rglob("*"):
                        self.assertEqual(one.stat().st_mode & 0o077, 0, one)
        self.assertEqual(node.stop()[0], 0)
        # What is made is a tar archive for everybody, with hashes that b2sum tells.
        with tarfile.open(self.base / "backup-False-True") as archive:
            names = archive.getnames()
            manifest = json.load(archive.extractfile("backup.json"))
            self.assertEqual(names[-1], "backup.json")
            self.assertEqual([one["name"] for one in manifest["files"]], names[:-1])
            for one in manifest["files"]:
                content = archive.extractfile(one["name"]).read()
                self.assertEqual(len(content), one["bytes"])
                self.assertEqual(hashlib.blake2b(content, digest_size=32).hexdigest(), one["hash"])

    def test_a_restored_device_begins_a_new_log(self):
        self.ok("backup", self.base / "b", "--data", self.red)
        before = self.ok_json("audit", "demo", "--data", self.red)["items"]
        self.ok("doc", "create", "demo", "after the backup", "--data", self.red)
        back = self.base / "back"
        self.ok("restore", self.base / "b", "--data", back)
        self.ok("doc", "create", "demo", "c.md", "--data", back)
        after = self.ok_json("audit", "demo", "--data", back)["items"]
        logs = {one["incarnation"] for one in before}
        self.assertEqual(len(logs), 1)
        newest = [one for one in after if one.get("path") == "c.md"]
        self.assertEqual(len(newest), 1)
        self.assertNotIn(newest[0]["incarnation"], logs)
        self.assertEqual(self.paths(back), ["a.md", "b.md", "c.md"])

    def test_a_locked_device_stays_locked(self):
        secret = self.base / "secret"
        secret.write_text("correct horse\n")
        secret.chmod(0o600)
        self.ok("identity", "passphrase", "set", "--new-passphrase-file", secret, "--data", self.red)
        self.ok("backup", self.base / "b", "--data", self.red)  # Asks for nothing.
        back = self.base / "back"
        self.ok("restore", self.base / "b", "--data", back)
        self.fails("status", "--data", back, says=["passphrase"])
        self.ok("status", "--data", back, "--passphrase-file", secret)

    def test_nothing_is_replaced(self):
        there = self.base / "there"
        there.write_text("mine")
        self.fails("backup", there, "--data", self.red, says=[str(there), "never replaces"])
        self.assertEqual(there.read_text(), "mine")
        self.ok("backup", self.base / "b", "--data", self.red)
        before = (self.red / "device.json").read_bytes()
        self.fails("restore", self.base / "b", "--data", self.red,
                   says=["already holds a device", "--data"])
        self.assertEqual((self.red / "device.json").read_bytes(), before)

    def test_places_that_make_no_sense(self):
        self.fails("backup", self.red / "copy", "--data", self.red, says=["the data directory"])
        link = self.base / "link"
        link.symlink_to(self.red / "workspaces")
        self.fails("backup", link / "abcd", "--data", self.red, says=["the data directory"])
        self.fails("backup", "", "--data", self.red, code=2, says=["names no file"])
        self.fails("restore", "", "--data", self.base / "x", code=2, says=["names no file"])
        self.fails("backup", self.base / "none" / "b", "--data", self.red,
                   says=["No such file or directory"])
        self.ok("backup", str(self.base / "slash") + "/", "--data", self.red)
        self.assertIn(f"coterie run --data {self.base / 'back'}",
                      self.ok("restore", self.base / "slash", "--data", self.base / "back"))

    def test_left_over_parts_are_in_nobodys_way(self):
        part = self.base / "b.part"
        part.mkdir()
        (part / "device.json").write_text("half")
        self.ok("backup", self.base / "b", "--data", self.red)
        self.assertFalse(part.exists())

    def test_what_is_no_backup_is_refused(self):
        back = self.base / "back"
        self.fails("restore", self.base / "nowhere", "--data", back, says=["no such backup"])
        (self.base / "empty").mkdir()
        self.fails("restore", self.base / "empty", "--data", back, says=["no backup"])
        (self.base / "text").write_text("hello " * 1000)
        self.fails("restore", self.base / "text", "--data", back, says=["no backup"])
        self.assertFalse(back.exists())

    def test_damaged_backups_are_refused_and_leave_nothing(self):
        good = self.base / "good"
        self.ok("backup", good, "--data", self.red)
        archive = self.base / "good.tar"
        self.ok("backup", archive, "--archive", "--data", self.red)
        back = self.base / "back"

        def refused(source, *says):
            self.fails("restore", source, "--data", back, says=says)
            self.assertFalse((back / "device.json").exists())
            self.assertFalse((back / "workspaces").exists())

        def broken(name, change):
            copy = self.base / name
            shutil.copytree(good, copy)
            change(copy)
            return copy

        def flip(path):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)

        refused(broken("flipped", lambda at: flip(self.data_file(at))), "not what was backed up")
        refused(broken("key", lambda at: flip(at / "device.json")), "not what was backed up")
        refused(broken("missing", lambda at: self.data_file(at).unlink()), "is missing")
        refused(broken("unfinished", lambda at: (at / "backup.json").unlink()), "is missing")

        def rename(at, name):
            manifest = json.loads((at / "backup.json").read_text())
            manifest["files"][0]["name"] = name
            (at / "backup.json").write_text(json.dumps(manifest))

        for number, name in enumerate(("../out", "/tmp/out", "workspaces/../x/data.mdb", "place")):
            refused(broken(f"name-{number}", lambda at, name=name: rename(at, name)), "no sense")

        def later(at):
            manifest = json.loads((at / "backup.json").read_text())
            manifest["coterie_backup"] = 2
            (at / "backup.json").write_text(json.dumps(manifest))

        refused(broken("later", later), "newer coterie", "update")
        content = archive.read_bytes()
        for size in (len(content) // 2, 700, 512, 100):
            short = self.base / f"short-{size}"
            short.write_bytes(content[:size])
            refused(short, "backup")
        # The directory is still good for one that is whole.
        self.ok("restore", archive, "--data", back)
        self.assertEqual(self.paths(back), ["a.md", "b.md"])

    def test_a_damaged_directory_is_not_backed_up(self):
        file = self.data_file(self.red)
        with open(file, "r+b") as opened:
            opened.truncate(file.stat().st_size // 2)
        self.fails("backup", self.base / "b", "--data", self.red, says=["damaged", "backup"])
        self.assertFalse((self.base / "b").exists())
        self.assertFalse((self.base / "b.part").exists())

    def test_a_full_disk_leaves_nothing_behind(self):
        made = self.run_limited("backup", self.base / "b", "--data", self.red)
        self.assertEqual(made.returncode, 1, made.stderr)
        self.assertIn("disk is full", made.stderr)
        self.assertFalse((self.base / "b").exists())
        self.assertFalse((self.base / "b.part").exists())

    def run_limited(self, *arguments):
        """With a limit on file sizes, which is what a disk without room is to a program."""
        return subprocess.run(["bash", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "bash",
                               cli_test.COTERIE, *map(str, arguments)],
                              capture_output=True, text=True, timeout=60, check=False)


class Compact(CliTest):
    def test_stopped_only_and_tells_what_it_gained(self):
        red = self.init("red")
        self.ok("workspace", "create", "demo", "--data", red)
        for i in range(20):
            self.ok("doc", "create", "demo", f"{i}.md", "--data", red)
        node = self.start(red)
        self.fails("compact", "--data", red, says=["in use", "stop it first"])
        self.assertEqual(node.stop()[0], 0)
        done = self.ok_json("compact", "--data", red)
        self.assertEqual(len(done["workspaces"]), 1)
        self.assertLess(done["bytes_after"], done["bytes_before"])
        documents = self.ok_json("doc", "list", "demo", "--data", red)["documents"]
        self.assertEqual(len(documents), 20)
        self.assertIn("before", self.ok("compact", "--data", red))


if __name__ == "__main__":
    cli_test.COTERIE = sys.argv.pop(1)
    unittest.main(verbosity=1)
