#!/usr/bin/env python3
"""doctor by the real binary. Damage of single rows: tests/node/doctor_test.cpp.

usage: doctor_test.py COTERIE [unittest arguments]
"""

import json
import random
import sys
import unittest

import cli_test
from cli_test import CliTest


class Doctor(CliTest):
    def setUp(self):
        super().setUp()
        self.red = self.init("red")
        self.ok("workspace", "create", "demo", "--data", self.red)
        folder = self.base / "in"
        folder.mkdir()
        for i in range(20):
            (folder / f"{i}.md").write_text(f"document {i}\n" * 40)
        self.ok("import", "demo", folder, "--data", self.red)
        (self.file,) = (self.red / "workspaces").glob("*/data.mdb")

    def doctor(self, *arguments):
        result = self.run_cli("doctor", "--data", self.red, "--json", *arguments)
        return result.returncode, json.loads(result.stdout) if result.stdout else result.stderr

    def test_a_whole_directory(self):
        code, report = self.doctor()
        self.assertEqual(code, 0, report)
        (found,) = report["workspaces"]
        self.assertTrue(report["healthy"])
        self.assertEqual(found["findings"], [])
        self.assertEqual((found["documents"], found["documents_compared"]), (20, 20))
        self.assertIn("All is well", self.ok("doctor", "--data", self.red))
        before = self.file.read_bytes()
        self.ok("doctor", "--repair", "--data", self.red)
        self.assertEqual(self.file.read_bytes(), before, "it looks, and touches nothing")

    def test_stopped_only(self):
        node = self.start(self.red)
        self.fails("doctor", "--data", self.red, says=["in use", "stop it first"])
        self.assertEqual(node.stop()[0], 0)

    def test_pages_that_are_damaged(self):
        with open(self.file, "r+b") as opened:
            opened.truncate(self.file.stat().st_size // 2)
        code, report = self.doctor("--repair")
        self.assertEqual(code, 1)
        self.assertFalse(report["repaired"])
        self.assertEqual(report["workspaces"][0]["findings"][0]["kind"], "damage")
        told = self.run_cli("doctor", "--data", self.red)
        self.assertIn("restore a backup", told.stdout)

    def test_flipped_bits_anywhere(self):
        """Refused, found, repaired, or without meaning: never a crash, and after a repair it runs."""
        seed = random.randrange(1 << 31)
        choose = random.Random(seed)
        whole = self.file.read_bytes()
        outcomes = {"healthy": 0, "repaired": 0, "damage": 0}
        for round_number in range(25):
            with self.subTest(seed=seed, round=round_number):
                damaged = bytearray(whole)
                damaged[choose.randrange(len(whole))] ^= 1 << choose.randrange(8)
                self.file.write_bytes(damaged)
                code, report = self.doctor()
                self.assertIn(code, (0, 1))
                if report["healthy"]:
                    outcomes["healthy"] += 1
                    self.assertEqual(code, 0)
                    self.ok("doc", "list", "demo", "--data", self.red)
                    continue
                self.assertEqual(code, 1)
                code, report = self.doctor("--repair")
                if not report["repaired"]:
                    outcomes["damage"] += 1
                    continue
                outcomes["repaired"] += 1
                self.assertEqual(code, 0)
                kept = self.file.with_name("data.mdb.before-repair")
                self.assertTrue(kept.exists())
                code, report = self.doctor()
                self.assertTrue(report["healthy"], report)
                self.ok("workspace", "list", "--data", self.red)
        print(f"flipped bits (seed {seed}): {outcomes}")


if __name__ == "__main__":
    cli_test.COTERIE = sys.argv.pop(1)
    unittest.main(verbosity=1)
