#!/usr/bin/env python3
"""Data directories that earlier builds made (tests/golden/data): every build opens all of them, finds
them whole, reads what was written, and goes on writing.

usage: golden_data_test.py COTERIE [unittest arguments]
"""

import importlib.util
import pathlib
import sys
import unittest

import cli_test
from cli_test import CliTest

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden" / "data"


def expected_texts():
    spec = importlib.util.spec_from_file_location("generate", GOLDEN / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TEXTS


class GoldenData(CliTest):
    def test_every_one(self):
        backups = sorted(GOLDEN.glob("schema_*.tar"))
        self.assertTrue(backups)
        for backup in backups:
            with self.subTest(backup=backup.name):
                data = self.base / backup.stem
                self.ok("restore", backup, "--data", data)
                report = self.ok_json("doctor", "--data", data)
                self.assertTrue(report["healthy"], report)
                for path, text in expected_texts().items():
                    self.assertEqual(self.ok("export", "demo", path, "--data", data),
                                     text.replace("\r\n", "\n"))  # As Python reads the pipe.
                paths = {one["path"] for one in
                         self.ok_json("doc", "list", "demo", "--data", data)["documents"]}
                self.assertEqual(paths, {*expected_texts(), "created", "after the rotation/empty"})
                node = self.start(data)
                self.ok("doc", "create", "demo", "new.md", "--data", data)
                self.assertEqual(node.stop()[0], 0)
                self.assertTrue(self.ok_json("doctor", "--data", data)["healthy"])


if __name__ == "__main__":
    cli_test.COTERIE = sys.argv.pop(1)
    unittest.main(verbosity=1)
