#!/usr/bin/env python3
"""The command line against the real binary: what a person types, and what they get.

usage: cli_test.py COTERIE [unittest arguments]
Each test has data directories of its own; nodes listen on loopback, on ports the system picks.
"""

import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

COTERIE = os.environ.get("COTERIE_BIN", "coterie")
PATIENCE = 30  # seconds, for anything that should happen soon


class Node:
    """A running `coterie run --json`, or `coterie relay`."""

    def __init__(self, data, *options, command="run"):
        self.process = subprocess.Popen(
            [COTERIE, command, "--json", "--data", str(data), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("node did not start: " + self.process.stderr.read())
        self.ready = json.loads(line)

    def stop(self, how=signal.SIGTERM):
        """Returns the exit code and the log."""
        self.process.send_signal(how)
        try:
            _, log = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, log


class CliTest(unittest.TestCase):
    def setUp(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="coterie-cli-"))
        self.nodes = []
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)

    def tearDown(self):
        for node in self.nodes:
            if node.process.poll() is None:
                node.process.kill()
                node.process.communicate()

    def run_cli(self, *arguments, env=None):
        return subprocess.run([COTERIE, *map(str, arguments)], capture_output=True, text=True,
                              timeout=2 * PATIENCE, env={**os.environ, **(env or {})}, check=False)

    def ok(self, *arguments, **more):
        result = self.run_cli(*arguments, **more)
        self.assertEqual(result.returncode, 0, f"{arguments}: {result.stderr}")
        return result.stdout

    def ok_json(self, *arguments):
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, *arguments, code=1, says=()):
        """Fails with `code`, nothing on stdout, and one line on stderr that holds all of `says`."""
        result = self.run_cli(*arguments)
        self.assertEqual(result.returncode, code, f"{arguments}: {result.stdout}{result.stderr}")
        self.assertEqual(result.stdout, "")
        self.assertTrue(result.stderr.startswith("coterie: "), result.stderr)
        for text in says:
            self.assertIn(text, result.stderr)
        return result.stderr

    def init(self, name):
        data = self.base / name
        self.ok("init", "--data", data, "--name", name)
        return data

    def start(self, data, *options, command="run"):
        node = Node(data, *options, command=command)
        self.nodes.append(node)
        return node

    def wait_for(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.05)
        self.fail(f"did not happen in {PATIENCE} s: {what}")


class Init(CliTest):
    def test_makes_a_device_that_only_its_user_can_read(self):
        data = self.base / "deep" / "down"
        made = self.ok_json("init", "--data", data, "--name", "red")
        self.assertEqual(made["name"], "red")
        self.assertEqual(len(made["device"]), 64)
        self.assertEqual(stat.S_IMODE(data.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((data / "device.json").stat().st_mode), 0o600)
        status = self.ok_json("status", "--data", data)
        self.assertEqual(status["device"], made["device"])
        self.assertEqual(status["disk"]["commits"], 0)

    def test_never_replaces_one(self):
        data = self.init("red")
        before = (data / "device.json").read_bytes()
        short = self.ok("identity", "export", "--data", data)[:8]
        self.fails("init", "--data", data,
                   says=[str(data), "already holds a device", short, "coterie status"])
        self.assertEqual((data / "device.json").read_bytes(), before)

    def test_leaves_foreign_directories_alone(self):
        data = self.base / "photos"
        data.mkdir()
        (data / "cat.jpg").write_text("meow")
        self.fails("init", "--data", data, says=["holds other files"])
        self.assertEqual(sorted(p.name for p in data.iterdir()), ["cat.jpg"])
        self.fails("run", "--data", data, says=["coterie init"])

    def test_refuses_bad_names(self):
        self.fails("init", "--data", self.base / "x", "--name", "a\nb", says=["control characters"])
        self.fails("init", "--data", self.base / "x", "--name", "", says=["1 to 64"])
        self.assertFalse((self.base / "x").exists())


class Usage(CliTest):
    def test_says_what_it_can_do(self):
        self.assertIn("workspace", self.ok("--help"))
        self.assertIn("--listen", self.ok("run", "--help"))
        self.assertTrue(self.ok("--version").startswith("coterie "))
        self.assertEqual(self.ok("version"), self.ok("--version"))
        self.assertIn("version", self.ok_json("version"))

    def test_a_senseless_command_line_is_2(self):
        for bad in ([], ["frobnicate"], ["workspace"], ["workspace", "create"], ["join"],
                    ["status", "--frob"], ["invite", "w", "--role", "king"], ["invite"],
                    ["invite", "create"], ["invite", "revoke", "w"], ["members"],
                    ["members", "approve", "w"], ["role", "w", "red", "king"], ["remove", "w"],
                    ["audit", "w", "--since", "soon"], ["audit", "w", "--since", "2026-13-01"],
                    ["audit", "w", "--since", "2026-02-31"],
                    ["invite", "w", "--expires", "0s"], ["invite", "w", "--expires", "367d"],
                    ["identity"], ["identity", "passphrase"],
                    ["revert", "w", "red"], ["revert", "w", "red", "--since", "soon"],
                    ["invite", "w", "--uses", "0"], ["invite", "w", "--expires", "soon"],
                    ["invite", "w", "--expires", "7"], ["join", "x", "--wait", "0"],
                    ["doc", "cat", "w"], ["status", "extra"], ["doc", "show", "w"],
                    ["doc", "diff", "w", "d"], ["doc", "restore", "w", "d"],
                    ["doc", "name", "w", "d"], ["doc", "versions", "w", "d", "--limit", "0"],
                    ["doc", "versions", "w", "d", "--limit", "10001"],
                    ["doc", "show", "w", "d", "--as", "pdf"]):
            self.fails(*bad, code=2)

    def test_suggests_what_was_meant(self):
        for typed, meant in ((["invte", "w"], "invite"), (["memebrs", "w"], "members"),
                             (["invite", "revok", "w", "x"], "revoke"),
                             (["identity", "shwo"], "show"), (["stauts"], "status")):
            self.fails(*typed, code=2, says=[f'Did you mean "{meant}"?'])
        for typed in (["frobnicate"], ["xx"]):
            self.assertNotIn("Did you mean", self.fails(*typed, code=2))

    def test_data_comes_from_option_or_environment_before_or_after(self):
        data = self.init("red")
        for arguments, env in ((["--data", data, "status"], {}), (["status", "--data", data], {}),
                               (["status"], {"COTERIE_DATA": str(data)}),
                               (["--json", "status", f"--data={data}"],
                                {"COTERIE_DATA": "/nonexistent"})):
            self.assertIn("red", self.ok(*arguments, env=env))
        default = self.run_cli("status", env={"HOME": str(self.base), "COTERIE_DATA": ""})
        self.assertIn(".local/share/coterie", default.stderr)


class Directory(CliTest):
    def test_missing(self):
        self.fails("status", "--data", self.base / "no", says=["coterie init"])
        self.fails("run", "--data", self.base / "no", says=["coterie init"])

    def test_open_to_others(self):
        data = self.init("red")
        data.chmod(0o755)
        self.fails("run", "--data", data, says=["chmod 700"])
        data.chmod(0o700)
        (data / "device.json").chmod(0o644)
        self.fails("run", "--data", data, says=["chmod 600"])

    def test_damaged_key(self):
        data = self.init("red")
        (data / "device.json").write_text("{}")
        self.fails("run", "--data", data, says=["device.json", "backup"])

    def test_damaged_store(self):
        data = self.init("red")
        self.ok("workspace", "create", "demo", "--data", data)
        (store,) = (data / "workspaces").glob("*/data.mdb")
        good = store.read_bytes()
        store.write_bytes(b"not a database" * 1000)
        self.fails("run", "--data", data, says=[str(store.parent), "not made by coterie"])
        self.assertTrue(store.read_bytes().startswith(b"not a database"))
        store.write_bytes(good[:len(good) // 2])
        self.fails("run", "--data", data, says=[str(store.parent), "damaged", "backup", "join"])

    def test_newer_schema(self):
        data = self.init("red")
        self.ok("workspace", "create", "demo", "--data", data)
        (store,) = (data / "workspaces").glob("*/data.mdb")
        good = store.read_bytes()
        self.assertIn(b"coterie\x01", good)
        newer = good.replace(b"coterie\x01", b"coterie\x7f")
        store.write_bytes(newer)
        self.fails("run", "--data", data, says=[str(store.parent), "newer coterie", "update"])
        self.assertEqual(store.read_bytes(), newer)
        store.write_bytes(good)
        self.assertIn("demo", self.ok("workspace", "list", "--data", data))

    def test_foreign_files_inside_do_no_harm(self):
        data = self.init("red")
        self.ok("workspace", "create", "demo", "--data", data)
        (data / "notes.txt").write_text("mine")
        (data / "workspaces" / "README").write_text("mine too")
        self.assertIn("demo", self.ok("workspace", "list", "--data", data))
        self.assertEqual((data / "notes.txt").read_text(), "mine")

    def test_one_node_a_directory(self):
        data = self.init("red")
        node = self.start(data)
        error = self.fails("run", "--data", data, says=["in use by another coterie process"])
        self.assertIn(f"pid {node.process.pid}", error)
        self.assertEqual(node.stop()[0], 0)
        self.assertEqual(self.start(data).stop()[0], 0)

    def test_a_killed_node_leaves_nothing_in_the_way(self):
        data = self.init("red")
        node = self.start(data)
        self.ok("workspace", "create", "demo", "--data", data)
        node.stop(signal.SIGKILL)
        self.assertIn("demo", self.ok("workspace", "list", "--data", data))
        again = self.start(data)
        self.assertIn("demo", self.ok("workspace", "list", "--data", data))
        again.stop()


class Identity(CliTest):
    def secret(self, name, text):
        path = self.base / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def test_show_and_export(self):
        data = self.init("red")
        shown = self.ok_json("identity", "show", "--data", data)
        self.assertEqual(sorted(shown), ["data", "device", "locked"])
        self.assertFalse(shown["locked"])
        self.assertEqual(self.ok("identity", "export", "--data", data).strip(), shown["device"])
        self.fails("identity", "show", "--data", self.base / "no", says=["coterie init"])

    def test_passphrase(self):
        data = self.init("red")
        self.ok("workspace", "create", "demo", "--data", data)
        one, two, wrong = (self.secret(name, name * 3) for name in ("one", "two", "wrong"))
        seed = json.loads((data / "device.json").read_text())["seed"]
        self.ok("identity", "passphrase", "set", "--new-passphrase-file", one, "--data", data)
        self.assertTrue(self.ok_json("identity", "show", "--data", data)["locked"])
        self.assertNotIn(seed, (data / "device.json").read_text())
        self.assertEqual(stat.S_IMODE((data / "device.json").stat().st_mode), 0o600)
        self.fails("workspace", "list", "--data", data, "--passphrase-file", wrong,
                   says=["passphrase is wrong"])
        self.fails("run", "--data", data, "--passphrase-file", wrong, says=["passphrase is wrong"])
        self.assertIn("demo", self.ok("workspace", "list", "--data", data,
                                      "--passphrase-file", one))
        # A running node is asked without it.
        node = self.start(data, "--passphrase-file", one)
        self.assertIn("demo", self.ok("workspace", "list", "--data", data))
        self.ok("identity", "passphrase", "set", "--passphrase-file", one,
                "--new-passphrase-file", two, "--data", data)
        self.assertEqual(node.stop()[0], 0)
        self.fails("workspace", "list", "--data", data, "--passphrase-file", one,
                   says=["passphrase is wrong"])
        listed = self.run_cli("workspace", "list", "--data", data,
                              env={"COTERIE_PASSPHRASE_FILE": str(two)})
        self.assertIn("demo", listed.stdout)
        self.ok("identity", "passphrase", "clear", "--passphrase-file", two, "--data", data)
        self.assertIn("demo", self.ok("workspace", "list", "--data", data))

    def test_passphrase_files_are_checked(self):
        data = self.init("red")
        empty, open_, good = self.secret("empty", ""), self.secret("open", "x"), \
            self.secret("good", "x")
        open_.chmod(0o644)
        for bad, says in ((empty, "empty"), (open_, "chmod 600"), (self.base / "no", "no passph")):
            self.fails("identity", "passphrase", "set", "--new-passphrase-file", bad,
                       "--data", data, says=[says])
        self.assertFalse(self.ok_json("identity", "show", "--data", data)["locked"])
        self.ok("init", "--data", self.base / "blue", "--passphrase", "--passphrase-file", good)
        self.fails("status", "--data", self.base / "blue", "--passphrase-file", open_,
                   says=["chmod 600"])
        self.ok("status", "--data", self.base / "blue", "--passphrase-file", good)

    def test_asked_for_on_the_terminal_without_echo(self):
        data = self.init("red")
        self.ok("identity", "passphrase", "set", "--new-passphrase-file",
                self.secret("one", "open sesame"), "--data", data)
        for typed, code in (("open sesame", 0), ("close sesame", 1)):
            child, terminal = pty.fork()
            if child == 0:
                os.execvp(COTERIE, [COTERIE, "status", "--data", str(data)])
            shown = b""
            while b"Passphrase" not in shown:
                shown += os.read(terminal, 1024)
            time.sleep(0.2)
            os.write(terminal, typed.encode() + b"\n")
            while True:
                try:
                    more = os.read(terminal, 1024)
                except OSError:
                    break
                if not more:
                    break
                shown += more
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), code, shown)
            self.assertNotIn(typed.encode(), shown)
            os.close(terminal)
        # Without a terminal it says what to do instead of waiting.
        process = subprocess.run([COTERIE, "status", "--data", str(data)], capture_output=True,
                                 text=True, timeout=PATIENCE, start_new_session=True, check=False)
        self.assertEqual(process.returncode, 1)
        self.assertIn("--passphrase-file", process.stderr)


class Run(CliTest):
    def test_prints_where_it_is(self):
        data = self.init("red")
        node = self.start(data, "--listen", "tcp://127.0.0.1:0", "--bridge", "127.0.0.1:0")
        self.assertRegex(node.ready["listen"], r"^tcp://127\.0\.0\.1:[1-9][0-9]+$")
        self.assertRegex(node.ready["bridge"], r"^http://127\.0\.0\.1:[1-9][0-9]+$")
        self.assertEqual(node.ready["advertise"], [node.ready["listen"]])
        self.assertEqual(node.ready["pid"], node.process.pid)
        self.assertTrue(self.ok_json("status", "--data", data)["running"])
        code, log = node.stop(signal.SIGINT)
        self.assertEqual(code, 0)
        self.assertNotIn("error", log)
        self.assertFalse((data / "control.sock").exists())

    def test_human_ready_lines(self):
        data = self.init("red")
        process = subprocess.Popen([COTERIE, "run", "--data", str(data), "--bridge", "127.0.0.1:0"],
                                   stdout=subprocess.PIPE, text=True)
        lines = []
        while not lines or lines[-1] not in ("ready\n", ""):
            lines.append(process.stdout.readline())
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        process.stdout.close()
        self.assertRegex("".join(lines), r"device +red[\s\S]*bridge +http://127[\s\S]*ready\n$")

    def test_ports_in_use(self):
        data = self.init("red")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.fails("run", "--data", data, "--bridge", f"127.0.0.1:{port}",
                       says=["in use", str(port)])
            self.fails("run", "--data", data, "--listen", f"tcp://127.0.0.1:{port}",
                       says=["in use", str(port)])

    def test_bad_addresses(self):
        data = self.init("red")
        self.fails("run", "--data", data, "--bridge", "0.0.0.0:7420", says=["require tokens"])
        self.fails("run", "--data", data, "--bridge", "7420", says=["127.0.0.1:7420"])
        self.fails("run", "--data", data, "--listen", "127.0.0.1:7430", says=["tcp://"])
        self.fails("run", "--data", data, "--listen", "tcp://192.0.2.77:0")
        self.fails("run", "--data", data, "--advertise", "nowhere", says=["--advertise"])

    def test_a_question_in_the_way_delays_a_start_only(self):
        data = self.init("red")
        asking = [subprocess.Popen([COTERIE, "status", "--data", str(data)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                  for _ in range(3)]
        node = self.start(data)
        for process in asking:
            process.wait(PATIENCE)
        self.assertEqual(node.stop()[0], 0)


class Workspace(CliTest):
    def test_life_without_a_running_node(self):
        data = self.init("red")
        self.assertEqual(self.ok_json("workspace", "list", "--data", data), {"workspaces": []})
        self.assertIn("coterie workspace create", self.ok("workspace", "list", "--data", data))
        made = self.ok_json("workspace", "create", "demo", "--data", data)
        self.assertEqual(made["name"], "demo")
        (listed,) = self.ok_json("workspace", "list", "--data", data)["workspaces"]
        self.assertEqual(sorted(listed), ["documents", "entries", "id", "members", "name", "relay", "role", "sync"])
        self.assertEqual((listed["id"], listed["role"], listed["members"]), (made["id"], "host", 1))
        self.assertRegex(self.ok("workspace", "list", "--data", data), r"(?m)^demo +host +1 ")
        document = self.ok_json("doc", "create", "demo", "notes/today.md", "--data", data)
        self.assertEqual(document["path"], "notes/today.md")
        (held,) = self.ok_json("doc", "list", made["id"], "--data", data)["documents"]
        self.assertEqual(sorted(held), ["archived", "changed", "clients", "created", "id", "kind", "language",
                                        "meta", "path", "preview", "title", "trashed"])
        self.assertEqual(held["id"], document["id"])
        for beginning in (made["id"][:4], made["id"][:8], made["id"][:63]):
            self.ok("doc", "list", beginning, "--data", data)
        self.fails("doc", "list", made["id"][:3], "--data", data, says=["no workspace"])
        # A name goes before ids that begin so.
        self.ok("workspace", "create", made["id"][:8], "--data", data)
        self.assertEqual(self.ok_json("doc", "list", made["id"][:8], "--data", data)["documents"],
                         [])
        self.assertEqual(self.ok("doc", "cat", "demo", "notes/today.md", "--data", data), "")
        self.assertEqual(self.ok("doc", "state", "demo", "notes/today.md", "--data", data), "00\n")
        (self_,) = self.ok_json("members", "demo", "--data", data)["members"]
        self.assertTrue(self_["self"])
        self.assertEqual(self.ok_json("peers", "demo", "--data", data), {"peers": []})
        everything = self.ok_json("members", "demo", "--data", data)
        self.assertEqual(sorted(everything), ["forks", "members", "persons", "requests", "set_aside"])
        self.assertEqual(sorted(self_),
                         ["addresses", "device", "name", "person", "role", "self"])

    def test_bad_arguments(self):
        data = self.init("red")
        self.ok("workspace", "create", "demo", "--data", data)
        self.fails("workspace", "create", "", "--data", data)
        self.fails("workspace", "create", "x" * 201, "--data", data)
        for command in (["doc", "list", "nope"], ["peers", "nope"], ["members", "nope"],
                        ["invite", "nope"], ["doc", "cat", "demo", "nope"],
                        ["doc", "state", "demo", "nope"]):
            self.fails(*command, "--data", data)
        self.fails("doc", "create", "demo", "", "--data", data)
        self.fails("doc", "create", "demo", "x" * 1025, "--data", data)
        result = self.run_cli("doc", "list", "nope", "--data", data, "--json")
        self.assertEqual(json.loads(result.stderr)["error"]["code"], "not_found")
        self.assertEqual(result.returncode, 1)

    def test_terminals_are_safe_from_names(self):
        data = self.init("red")
        self.ok("workspace", "create", "demo", "--data", data)
        created = self.run_cli("doc", "create", "demo", "a\x1b[31mb", "--data", data)
        listed = self.ok("doc", "list", "demo", "--data", data)
        self.assertNotIn("\x1b", created.stdout + created.stderr + listed)


class Team(CliTest):
    def two(self):
        """Red runs and is in the workspace demo; blue is a new device."""
        red = self.init("red")
        self.start(red, "--listen", "tcp://127.0.0.1:0")
        self.ok("workspace", "create", "demo", "--data", red)
        self.ok("doc", "create", "demo", "hello.md", "--data", red)
        return red, self.init("blue")

    def invite(self, data, *more):
        return self.ok("invite", "demo", "--data", data, *more).strip()

    def peer(self, data):
        (peer,) = self.ok_json("peers", "demo", "--data", data)["peers"]
        return peer

    def listed(self, data):
        return self.ok_json("invite", "list", "demo", "--data", data)["invites"]

    def members(self, data):
        return {one["name"]: one for one in
                self.ok_json("members", "demo", "--data", data)["members"]}


class Relay(Team):
    def test_one_command_makes_joins_and_serves_and_can_be_given_again(self):
        red, _ = self.two()
        relay = self.base / "relay"
        command = ("--listen", "tcp://127.0.0.1:0", "--name", "keep",
                   self.invite(red, "--role", "relay"))
        node = self.start(relay, "--quota", "20M", *command, command="relay")
        self.assertEqual(node.ready["name"], "keep")
        (team,) = self.ok_json("status", "--data", relay)["workspaces"]
        self.assertEqual((team["name"], team["role"]), ("demo", "relay"))
        self.assertEqual((team["relay"]["quota"], team["relay"]["declined"]), (20 << 20, 0))
        self.assertIn("Relay of \"demo\": keeps ", self.ok("status", "--data", relay))
        self.wait_for("red has it in step", lambda: self.peer(red)["in_step"])
        peer = self.peer(red)
        self.assertEqual((peer["role"], peer["path"], peer["dial"]), ("relay", "direct", None))
        self.assertIn("in step with 1 of 1 member; all that is here is on 2 devices",
                      self.ok("status", "--data", red))
        self.fails("doc", "create", "demo", "x.md", "--data", relay, says=["only read"])
        code, log = node.stop()
        self.assertEqual(code, 0, log)
        self.wait_for("red misses it", lambda: not self.peer(red)["linked"])
        peer = self.peer(red)
        self.assertEqual((peer["path"], peer["in_step"], peer["entries_behind"]),
                         ("offline", None, None))
        self.assertTrue(peer["dial"]["address"].startswith("tcp://127.0.0.1:"))
        self.assertIn("keep not linked, heard", self.ok("status", "--data", red))
        self.start(relay, *command, command="relay")
        (team,) = self.ok_json("status", "--data", relay)["workspaces"]
        self.assertEqual(team["relay"]["quota"], 20 << 20, "remembered")

    def test_a_quota_is_a_size(self):
        self.fails("relay", "--data", self.base / "x", "--quota", "much", code=2)

    def test_a_signal_ends_it_while_it_waits_to_be_let_in(self):
        red, _ = self.two()
        invite = self.invite(red, "--role", "relay")
        for node in self.nodes:
            node.stop()
        relay = subprocess.Popen(
            [COTERIE, "relay", "--data", str(self.base / "relay"), invite],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(relay.kill)
        self.assertIn("node started", relay.stderr.readline())
        relay.send_signal(signal.SIGTERM)
        out, log = relay.communicate(timeout=2 * PATIENCE)
        self.assertEqual((relay.returncode, out), (0, ""), log)

    def test_one_without_a_workspace_says_so(self):
        node = self.start(self.base / "relay", command="relay")
        code, log = node.stop()
        self.assertEqual(code, 0, log)
        self.assertIn("in no workspace", log)

    def test_without_a_relays_invite_it_says_that_it_reads(self):
        red, _ = self.two()
        relay = self.base / "relay"
        node = self.start(relay, "--listen", "tcp://127.0.0.1:0", self.invite(red),
                          command="relay")
        _, log = node.stop()
        self.assertIn("is editor, not relay", log)


class Join(Team):
    def test_a_running_node_joins(self):
        red, blue = self.two()
        self.start(blue, "--listen", "tcp://127.0.0.1:0")
        invite = self.invite(red)
        self.assertTrue(invite.startswith("coterie1"))
        joined = self.ok_json("join", invite, "--data", blue)
        self.assertEqual((joined["name"], joined["synced"]), ("demo", True))
        self.wait_for("blue has the document", lambda: [
            one["path"] for one in self.ok_json("doc", "list", "demo", "--data", blue)["documents"]
        ] == ["hello.md"])
        for data, name in ((red, "blue"), (blue, "red")):
            self.wait_for("both in step", lambda data=data: self.peer(data)["in_step"])
            peer = self.peer(data)
            self.assertEqual(peer["name"], name)
            self.assertTrue(peer["linked"])
            self.assertGreater(peer["bytes_in"], 0)
            self.assertGreater(peer["bytes_out"], 0)
            self.assertIsInstance(peer["last_heard_ms_ago"], int)
            self.assertIn(name, self.ok("peers", "demo", "--data", data))
        # An edit of the list on one side arrives at the other.
        self.ok("doc", "create", "demo", "from-blue.md", "--data", blue)
        self.wait_for("red has it", lambda: "from-blue.md" in self.ok(
            "doc", "list", "demo", "--data", red))

    def test_joins_without_a_running_node(self):
        red, blue = self.two()
        joined = self.ok_json("join", self.invite(red), "--data", blue)
        self.assertEqual((joined["name"], joined["synced"]), ("demo", True))
        self.assertIn("hello.md", self.ok("doc", "list", "demo", "--data", blue))
        self.assertEqual(len(self.ok_json("members", "demo", "--data", blue)["members"]), 2)

    def test_after_restarts_they_find_each_other(self):
        red, blue = self.two()
        blue_node = self.start(blue, "--listen", "tcp://127.0.0.1:0")
        self.ok("join", self.invite(red), "--data", blue)
        self.assertEqual(blue_node.stop()[0], 0)
        self.wait_for("red notices", lambda: not self.peer(red)["linked"])
        self.ok("doc", "create", "demo", "while-away.md", "--data", red)
        self.start(blue, "--listen", "tcp://127.0.0.1:0")
        self.wait_for("blue catches up", lambda: "while-away.md" in self.ok(
            "doc", "list", "demo", "--data", blue))

    def test_invites_have_limits(self):
        red, blue = self.two()
        once = self.invite(red)
        self.ok("join", once, "--data", blue)
        green = self.init("green")
        self.fails("join", once, "--data", green, "--wait", "3")
        self.assertEqual(self.ok_json("workspace", "list", "--data", green), {"workspaces": []})
        viewer = self.invite(red, "--role", "viewer", "--uses", "2", "--expires", "1h")
        self.ok("join", viewer, "--data", green)
        (held,) = self.ok_json("workspace", "list", "--data", green)["workspaces"]
        self.assertEqual(held["role"], "viewer")

    def test_bad_invites(self):
        red, blue = self.two()
        good = self.invite(red)
        changed = good[:20] + ("x" if good[20] != "x" else "y") + good[21:]
        for bad in ("", "hello", "coterie1", changed, good[:-1], good + "0"):
            self.fails("join", bad, "--data", blue)
        self.ok("join", f"  {good}\n", "--data", blue)
        self.fails("join", good, "--data", blue, "--wait", "3")

    def test_nobody_there(self):
        red, blue = self.two()
        invite = self.invite(red)
        self.nodes[0].stop()
        begun = time.monotonic()
        self.fails("join", invite, "--data", blue, "--wait", "2")
        self.assertLess(time.monotonic() - begun, 10)

    def test_a_node_that_never_listened_cannot_invite_in_vain(self):
        red = self.init("red")
        self.ok("workspace", "create", "demo", "--data", red)
        self.fails("invite", "demo", "--data", red, says=["--listen"])

    def test_an_invite_made_offline_names_where_the_node_will_be(self):
        red, blue = self.two()
        port = self.nodes[0].ready["listen"].rsplit(":", 1)[1]
        self.nodes[0].stop()
        invite = self.invite(red)
        self.start(red, "--listen", f"tcp://127.0.0.1:{port}")
        self.ok("join", invite, "--data", blue)


class Invites(Team):
    """What a host does about invites, and how they are used."""

    def test_list_and_revoke(self):
        red, blue = self.two()
        self.assertIn("No invites", self.ok("invite", "list", "demo", "--data", red))
        made = self.ok_json("invite", "create", "demo", "--uses", "2", "--role", "commenter",
                            "--data", red)
        self.assertEqual(sorted(made), ["id", "invite"])
        (one,) = self.listed(red)
        self.assertEqual(sorted(one), ["approval", "author", "expires", "from_now", "id",
                                       "own_device", "role", "state", "used_by", "uses",
                                       "uses_left"])
        self.assertEqual((one["id"], one["state"], one["uses_left"], one["author"]["name"]),
                         (made["id"], "open", 2, "red"))
        self.ok("join", made["invite"], "--data", blue)
        (one,) = self.listed(red)
        self.assertEqual([device["name"] for device in one["used_by"]], ["blue"])
        self.assertRegex(self.ok("invite", "list", "demo", "--data", red),
                         r"(?m)^" + made["id"][:8] + r" +open +commenter +1 of 2 .*blue \(")
        self.fails("invite", "revoke", "demo", "0000", "--data", red, says=["invite list"])
        self.ok("invite", "revoke", "demo", made["invite"], "--data", red)
        self.assertEqual(self.listed(red)[0]["state"], "revoked")
        self.fails("join", made["invite"], "--data", self.init("green"), says=["revoked"])
        self.assertEqual(self.members(red)["blue"]["role"], "commenter")
        self.fails("invite", "create", "demo", "--data", blue, says=["only a host"])

    def test_short_and_upper_case(self):
        red, blue = self.two()
        invite = self.invite(red)
        self.assertLessEqual(len(invite), 128)
        self.ok("join", invite.upper(), "--data", blue)

    def test_qr(self):
        red, _ = self.two()
        made = self.ok_json("invite", "create", "demo", "--qr", "--data", red)
        size = len(made["qr"])
        self.assertTrue(all(len(row) == size and set(row) <= {"0", "1"} for row in made["qr"]))
        # The three corners of a QR code, and a size of version 1 to 40.
        self.assertEqual(size % 4, 1)
        for row, side in ((0, slice(0, 7)), (0, slice(-7, None)), (-7, slice(0, 7))):
            self.assertEqual(made["qr"][row][side], "1111111")
        shown = self.ok("invite", "create", "demo", "--qr", "--data", red)
        self.assertIn("\u2588", shown)
        self.assertTrue(shown.splitlines()[-1].startswith("coterie1"))

    def test_redeemed_while_its_maker_is_away(self):
        red, green = self.two()
        self.start(green, "--listen", "tcp://127.0.0.1:0")
        self.ok("join", self.invite(red), "--data", green)
        self.wait_for("red knows where green is",
                      lambda: self.members(red)["blue"]["addresses"])
        invite = self.invite(red)
        self.wait_for("green knows the invite", lambda: len(self.listed(green)) == 2)
        self.assertEqual(self.members(green)["blue"]["role"], "editor")
        self.nodes[0].stop()
        other = self.init("other")
        joined = self.ok_json("join", invite, "--data", other)
        self.assertTrue(joined["synced"])
        self.assertIn("hello.md", self.ok("doc", "list", "demo", "--data", other))
        self.assertEqual(len(self.members(green)), 3)
        # The maker learns of it when it is back.
        again = self.start(red, "--listen", "tcp://127.0.0.1:0")
        self.wait_for("red is told", lambda: "other" in self.members(red))
        _, log = again.stop()
        self.assertIn("by invite", log)

    def test_approval(self):
        red, blue = self.two()
        invite = self.invite(red, "--approval")
        asked = self.ok_json("join", invite, "--wait", "1", "--data", blue)
        self.assertEqual((asked["waiting"], asked["synced"]), (True, False))
        self.assertIn("approve", self.run_cli("join", invite, "--wait", "1", "--data", blue).stderr)
        self.assertIn("Waits for a host", self.ok("status", "--data", blue))
        (request,) = self.ok_json("members", "demo", "--data", red)["requests"]
        self.assertEqual(sorted(request), ["asked", "device", "invite", "name", "role", "time"])
        self.assertIn("members approve", self.ok("members", "demo", "--data", red))
        self.fails("members", "approve", "demo", "nobody", "--data", red, says=["nobody"])
        # The newcomer's node waits by itself, and after restarts of both.
        node = self.start(blue)
        node.stop(signal.SIGKILL)
        port = self.nodes[0].ready["listen"].rsplit(":", 1)[1]
        self.nodes[0].stop(signal.SIGKILL)
        self.start(blue)
        self.start(red, "--listen", f"tcp://127.0.0.1:{port}")
        self.ok("members", "approve", "demo", "blue", "--data", red)
        self.wait_for("blue is in", lambda: self.ok_json(
            "workspace", "list", "--data", blue)["workspaces"])
        self.assertEqual(self.ok_json("status", "--data", blue)["waiting"], [])
        self.wait_for("blue has the document", lambda: "hello.md" in self.ok(
            "doc", "list", "demo", "--data", blue))

    def test_declined(self):
        red, blue = self.two()
        invite = self.invite(red, "--approval")
        self.ok("join", invite, "--wait", "1", "--data", blue)
        self.ok("members", "deny", "demo", "blue", "--data", red)
        self.fails("join", invite, "--wait", "5", "--data", blue, says=["declined"])
        self.assertEqual(self.ok_json("status", "--data", blue)["waiting"], [])


class Members(Team):
    """Persons, roles and removal."""

    def test_own_devices(self):
        red, blue = self.two()
        self.start(blue, "--listen", "tcp://127.0.0.1:0")
        self.ok("join", self.invite(red), "--data", blue)
        self.wait_for("blue can be dialled", lambda: self.members(blue)["blue"]["addresses"])
        link = self.ok("identity", "link", "demo", "--data", blue).strip()
        phone = self.init("phone")
        self.ok("join", link, "--data", phone)
        self.wait_for("red knows the phone", lambda: "phone" in self.members(red))
        people = self.ok_json("members", "demo", "--data", red)
        self.assertEqual(sorted(len(one["devices"]) for one in people["persons"]), [1, 2])
        for person in people["persons"]:
            self.assertEqual(person["devices"][0], person["person"])
        self.assertIn("  + phone ", self.ok("members", "demo", "--data", red))
        self.ok("remove", "demo", "phone", "--data", red)
        self.assertEqual(sorted(self.members(red)), ["red"])

    def test_names_that_clash(self):
        red, one = self.two()
        other = self.base / "other"
        self.ok("init", "--data", other, "--name", "blue")
        for data in (one, other):
            self.ok("join", self.invite(red), "--data", data)
        ids = [self.ok("identity", "export", "--data", data)[:8] for data in (one, other)]
        error = self.fails("remove", "demo", "blue", "--data", red, says=ids)
        self.assertIn("may be any of", error)
        self.ok("remove", "demo", ids[0], "--data", red)
        self.ok("role", "demo", "blue", "viewer", "--data", red)
        self.assertEqual(self.members(red)["blue"]["role"], "viewer")

    def test_removal_role_leave_rotate(self):
        red, blue = self.two()
        self.start(blue, "--listen", "tcp://127.0.0.1:0")
        self.ok("join", self.invite(red, "--uses", "2"), "--data", blue)
        self.fails("remove", "demo", "red", "--data", blue, says=["only a host"])
        self.fails("remove", "demo", "red", "--data", red, says=["no host would be left"])
        self.fails("leave", "demo", "--data", red, says=["no host would be left"])
        self.fails("role", "demo", "blue", "editor", "--data", red, says=["already"])
        self.ok("rotate", "demo", "--data", red)
        self.ok("rotate", "demo", "--data", blue)
        self.ok("role", "demo", "blue", "host", "--data", red)
        self.wait_for("blue is host", lambda: self.members(blue)["blue"]["role"] == "host")
        self.ok("leave", "demo", "--data", red)
        self.wait_for("red is out", lambda: sorted(self.members(blue)) == ["blue"])
        # No admission says what the founder is called, only what its device told of itself.
        for data in (red, blue):
            self.assertRegex(self.ok("audit", "demo", "--data", data), r"red \([0-9a-f]{8}\) +left")

    def test_roles_in_a_document(self):
        red, blue = self.two()
        self.start(blue, "--listen", "tcp://127.0.0.1:0")
        self.ok("doc", "create", "demo", "other.md", "--data", red)
        self.fails("invite", "demo", "--document", "none.md", "--data", red, says=["no document"])
        invite = self.invite(red, "--document", "hello.md")
        self.assertIn("only hello.md", self.ok("invite", "list", "demo", "--data", red))
        self.assertIn("hello.md", self.ok("join", invite, "--data", blue))

        def here(data, path):
            roles = self.ok_json("doc", "roles", "demo", path, "--data", data)
            return {one["name"]: one["here"] for one in roles["members"]}

        self.assertEqual(here(blue, "hello.md"), {"red": "host", "blue": "editor"})
        self.assertEqual(here(blue, "other.md"), {"red": "host", "blue": "viewer"})
        self.fails("doc", "create", "demo", "new.md", "--data", blue, says=["only read"])
        self.fails("doc", "role", "demo", "other.md", "blue", "editor", "--data", blue,
                   says=["only a host"])
        self.ok("doc", "role", "demo", "hello.md", "blue", "commenter", "--data", red)
        self.ok("doc", "role-elsewhere", "demo", "blue", "editor", "--data", red)
        self.wait_for("blue comments", lambda: here(blue, "hello.md")["blue"] == "commenter")
        self.assertEqual(here(red, "other.md")["blue"], "editor")
        self.assertRegex(self.ok("doc", "roles", "demo", "hello.md", "--data", red),
                         r"(?m)^blue +commenter +editor ")
        self.ok("doc", "guest", "demo", "hello.md", "blue", "g1", "out", "--data", red)
        self.ok("doc", "end-session", "demo", "hello.md", "--data", red)
        self.fails("doc", "end-session", "demo", "hello.md", "--data", red, says=["has ended"])
        shown = self.ok_json("doc", "roles", "demo", "hello.md", "--data", red)
        self.assertEqual(shown["session"], "ended")
        self.assertEqual([(one["guest"], one["standing"]) for one in shown["guests"]],
                         [("g1", "out")])
        self.ok("doc", "open-session", "demo", "hello.md", "--data", red)
        audit = self.ok("audit", "demo", "--data", red)
        for text in ("be at most commenter in hello.md", "be at most editor in all other documents",
                     "sent the guest g1 of blue", "ended the session of hello.md", "hello.md only"):
            self.assertIn(text, audit)

    def test_a_removed_device_is_refused_with_the_reason(self):
        red, blue = self.two()
        invite = self.invite(red, "--uses", "5")
        self.ok("join", invite, "--data", blue)
        self.ok("remove", "demo", "blue", "--data", red)
        self.assertEqual(sorted(self.members(red)), ["red"])

    def test_one_that_was_not_told_of_its_removal_comes_back(self):
        red, blue = self.two()
        self.start(blue, "--listen", "tcp://127.0.0.1:0")
        invite = self.invite(red)
        self.ok("join", invite, "--data", blue)
        self.fails("join", invite, "--data", blue, says=["a member already"])
        self.ok("remove", "demo", "blue", "--data", red)
        self.ok("join", self.invite(red), "--data", blue)
        self.assertIn("blue", self.members(red))
        self.ok("doc", "create", "demo", "back.md", "--data", blue)
        self.wait_for("red has what blue wrote", lambda: "back.md" in self.ok(
            "doc", "list", "demo", "--data", red))

    def test_audit(self):
        red, blue = self.two()
        self.start(blue, "--listen", "tcp://127.0.0.1:0")
        self.ok("join", self.invite(red), "--data", blue)
        self.ok("doc", "create", "demo", "by-blue.md", "--data", blue)
        self.wait_for("red has it", lambda: "by-blue.md" in self.ok(
            "doc", "list", "demo", "--data", red))
        told = self.ok_json("audit", "demo", "--data", red)
        self.assertEqual(sorted(told), ["items", "more", "names"])
        self.assertFalse(told["more"])
        operations = [one["operation"] for one in told["items"] if one["kind"] == "operation"]
        for operation in ("create", "invite", "admit"):
            self.assertIn(operation, operations)
        for item in told["items"]:
            for member in ("kind", "device", "time", "last", "entries", "bytes", "set_aside",
                           "seq", "incarnation"):
                self.assertIn(member, item)
        shown = self.ok("audit", "demo", "--data", red)
        for text in ("founded the workspace", "let in blue", "made hello.md", "made by-blue.md"):
            self.assertIn(text, shown)
        self.ok("doc", "name", "demo", "hello.md", "as sent", "--data", red)
        named = [one for one in self.ok_json("audit", "demo", "--data", red)["items"]
                 if one["kind"] == "version"]
        self.assertEqual([(one["name"], one["path"]) for one in named], [("as sent", "hello.md")])
        self.assertIn('named a version of hello.md "as sent"', self.ok("audit", "demo", "--data",
                                                                     red))
        by_blue = self.ok("audit", "demo", "--device", "blue", "--data", red)
        self.assertIn("by-blue.md", by_blue)
        self.assertNotIn("hello.md", by_blue)
        self.assertEqual(len(self.ok_json("audit", "demo", "--limit", "2", "--data",
                                          red)["items"]), 2)
        self.assertIn("founded", self.ok("audit", "demo", "--since", "1h", "--data", red))
        self.assertIn("Nothing", self.ok("audit", "demo", "--since", "2100-01-01T10:00Z",
                                         "--data", red))
        self.fails("audit", "demo", "--device", "nobody", "--data", red, says=["nobody"])


class Typing(CliTest):
    def varuint(self, number):
        out = bytearray()
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        return bytes(out) + bytes([number])

    def text(self, words):
        return self.varuint(len(words)) + words.encode()

    def type(self, bridge, workspace, path, words):
        """Types `words` as a stock Yjs client would; returns when they are on the disk."""
        update = (bytes([1, 1]) + self.varuint(77) + bytes([0, 4, 1]) + self.text("monaco") +
                  self.text(words) + bytes([0]))
        message = bytes([0, 2]) + self.varuint(len(update)) + update
        host = bridge.removeprefix("http://")
        with socket.create_connection(tuple(host.split(":")), timeout=PATIENCE) as link:
            link.sendall(f"GET /sync/{workspace}/{path}?saved=1 HTTP/1.1\r\nHost: {host}\r\n"
                         "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode())
            heard = b""
            while b"\r\n\r\n" not in heard:
                heard += link.recv(65536)
            self.assertIn(b" 101 ", heard)
            self.assertLess(len(message), 126)
            link.sendall(bytes([0x82, 0x80 | len(message), 0, 0, 0, 0]) + message)
            while bytes([0x82, 2, 100, 1]) not in heard:  # "1 message of yours is on the disk"
                more = link.recv(65536)
                self.assertTrue(more, heard)
                heard += more


class AtRest(Typing):
    """What a thief of the disk finds."""

    def test_nothing_in_clear(self):
        secret = self.base / "secret"
        secret.write_text("open sesame\n")
        secret.chmod(0o600)
        data = self.base / "device"
        lock = ["--passphrase-file", secret]
        self.ok("init", "--data", data, "--name", "zanzibar-name", "--passphrase", *lock)
        node = self.start(data, "--bridge", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0", *lock)
        self.ok("workspace", "create", "zanzibar-team", "--data", data)
        self.ok("doc", "create", "zanzibar-team", "zanzibar-path.md", "--data", data)
        self.type(node.ready["bridge"], "zanzibar-team", "zanzibar-path.md", "zanzibar-text")
        other = self.init("other")
        invite = self.ok("invite", "zanzibar-team", "--data", data).strip()
        self.ok("join", invite, "--data", other)
        waits = self.ok("invite", "zanzibar-team", "--approval", "--data", data).strip()
        third = self.base / "third"
        self.ok("init", "--data", third, "--name", "zanzibar-third", "--passphrase", *lock)
        self.ok("join", waits, "--wait", "1", "--data", third, *lock)
        self.assertIn("zanzibar-text", self.ok("doc", "cat", "zanzibar-team", "zanzibar-path.md",
                                               "--data", data))
        self.assertEqual(node.stop()[0], 0)
        for directory in (data, third):
            files = [path for path in directory.rglob("*") if path.is_file()]
            self.assertTrue(any(path.name == "data.mdb" for path in files))
            for path in files:
                content = path.read_bytes()
                for marker in (b"zanzibar", "zanzibar".encode("utf-16-le"), waits.encode(),
                               invite.encode(), b"open sesame"):
                    self.assertNotIn(marker, content, path)
        # And it is all there for who knows the passphrase.
        self.assertIn("zanzibar-text", self.ok("doc", "cat", "zanzibar-team", "zanzibar-path.md",
                                               "--data", data, *lock))


class Revert(Typing):
    """Undoing what somebody did."""

    def test_preview_then_yes(self):
        red = self.init("red")
        node = self.start(red, "--bridge", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0")
        self.ok("workspace", "create", "demo", "--data", red)
        blue = self.init("blue")
        blue_node = self.start(blue, "--bridge", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0")
        self.ok("join", self.ok("invite", "demo", "--data", red).strip(), "--data", blue)
        self.type(blue_node.ready["bridge"], "demo", "a.md", "nonsense")
        cat = lambda data: self.run_cli("doc", "cat", "demo", "a.md", "--data", data).stdout
        self.wait_for("red has it", lambda: "nonsense" in cat(red))
        shown = self.ok_json("revert", "demo", "blue", "--since", "1h", "--data", red)
        self.assertTrue(shown["preview"])
        (document,) = shown["documents"]
        self.assertEqual(sorted(document),
                         ["after", "before", "document", "path", "removed", "restored"])
        self.assertEqual((document["path"], document["removed"]), ("a.md", len("nonsense")))
        self.assertIn("--yes", self.ok("revert", "demo", "blue", "--since", "1h", "--data", red))
        self.assertIn("nonsense", cat(red))
        self.assertFalse(self.ok_json("revert", "demo", "blue", "--since", "1h", "--yes",
                                      "--data", red)["preview"])
        for data in (red, blue):
            self.wait_for("it is gone", lambda data=data: "nonsense" not in cat(data))
        self.assertIn("Nothing", self.ok("revert", "demo", "blue", "--since", "1h", "--data", red))
        node.stop()


class History(Typing):
    """What documents were."""

    def test_versions_from_naming_to_restoring(self):
        red = self.init("red")
        node = self.start(red, "--bridge", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0")
        self.ok("workspace", "create", "demo", "--data", red)
        self.ok("doc", "create", "demo", "a.md", "--data", red)
        self.assertIn("Nothing was written", self.ok("doc", "versions", "demo", "a.md", "--data",
                                                     red))
        blue = self.init("blue")
        blue_node = self.start(blue, "--bridge", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0")
        self.ok("join", self.ok("invite", "demo", "--data", red).strip(), "--data", blue)
        words = "a good\ndraft"
        self.type(blue_node.ready["bridge"], "demo", "a.md", words)
        cat = lambda data: self.run_cli("doc", "cat", "demo", "a.md", "--data", data).stdout
        self.wait_for("red has it", lambda: cat(red) == words)
        self.assertIn("named", self.ok("doc", "name", "demo", "a.md", "draft", "--data", red))
        self.fails("doc", "name", "demo", "a.md", "draft", "--data", red, says=["that name"])
        self.fails("doc", "name", "demo", "a.md", "n" * 201, "--data", red, says=["200 bytes"])
        self.assertIn('no longer "draft"', self.ok("doc", "name", "demo", "a.md", "chapter",
                                                   "--data", red))
        self.assertIn('"chapter" any more', self.ok("doc", "unname", "demo", "a.md", "chapter",
                                                    "--data", red))
        self.fails("doc", "unname", "demo", "a.md", "chapter", "--data", red, says=["no version"])
        self.fails("doc", "unname", "demo", "a.md", "now", "--data", red, says=["has no name"])
        self.assertEqual(self.ok_json("doc", "name", "demo", "a.md", "draft", "--data",
                                      red)["before"], "")
        self.assertIn("unnamed a version of a.md", self.ok("audit", "demo", "--data", red))
        self.ok("revert", "demo", "blue", "--since", "1h", "--yes", "--data", red)
        self.wait_for("it is gone", lambda: cat(blue) == "")

        listed = self.ok_json("doc", "versions", "demo", "a.md", "--data", red)
        self.assertEqual(sorted(listed), ["more", "names", "persons", "sealed", "sealed_until",
                                          "versions"])
        (named,) = [one for one in listed["versions"] if one["kind"] == "named"]
        (current,) = [one for one in listed["versions"] if one["current"]]
        self.assertEqual((named["name"], named["elements"]), ("draft", len(words)))
        self.assertEqual(listed["names"][named["by"]], "red")
        self.assertEqual({listed["names"][one["device"]] for one in current["authors"]},
                         {"red", "blue"})
        self.assertEqual((current["inserted"], current["deleted"], current["elements"]),
                         (len(words), len(words), 0))
        shown = self.ok("doc", "versions", "demo", "a.md", "--data", blue)
        for text in ('"draft", named by red', "current", current["id"][:8]):
            self.assertIn(text, shown)
        self.wait_for("blue has the name", lambda: self.run_cli(
            "doc", "show", "demo", "a.md", "--at", "draft", "--data", blue).stdout == words)
        for which in (["--at", named["id"][:8]], ["--at", "draft"]):
            self.assertEqual(self.ok("doc", "show", "demo", "a.md", *which, "--data", red), words)
        self.assertEqual(self.ok("doc", "show", "demo", "a.md", "--data", red), "")
        self.assertEqual(self.ok("doc", "show", "demo", "a.md", "--at", "1h", "--data", red), "")
        self.assertEqual(json.loads(self.ok("doc", "show", "demo", "a.md", "--at", "draft", "--as",
                                            "json", "--data", red)), {"monaco": words})
        update = subprocess.run(
            [COTERIE, "doc", "show", "demo", "a.md", "--at", "draft", "--as", "yjs", "--data", red],
            capture_output=True, timeout=PATIENCE, check=True).stdout
        told = subprocess.run([COTERIE, "update", "json", "-", "--root", "monaco:text"],
                              input=update, capture_output=True, timeout=PATIENCE, check=True)
        self.assertEqual(json.loads(told.stdout)["monaco"], [{"insert": words}])

        diff = self.ok_json("doc", "diff", "demo", "a.md", "draft", "--data", red)
        (change,) = diff["changes"]
        self.assertEqual((change["change"], change["what"], change["content"], change["path"]),
                         ("deleted", "text", words, ["monaco"]))
        self.assertEqual(diff["names"][change["by"]["device"]], "red")
        diff = self.ok("doc", "diff", "demo", "a.md", "1h", "draft", "--data", red)
        for text in ("@ monaco, line 1", "+ a good", "  draft", "(blue, "):
            self.assertIn(text, diff)
        self.assertIn("No difference", self.ok("doc", "diff", "demo", "a.md", "now", "--data", red))
        blame = self.ok("doc", "blame", "demo", "a.md", "--at", "draft", "--data", red)
        self.assertIn("blue  ", blame)
        self.assertIn("  a good\n", blame)

        shown = self.ok("doc", "restore", "demo", "a.md", "--at", "draft", "--data", red)
        self.assertIn("--yes", shown)
        self.assertIn(f"{len(words)} put back", shown)
        self.assertEqual(cat(red), "")
        done = self.ok_json("doc", "restore", "demo", "a.md", "--at", "draft", "--yes", "--data",
                            red)
        self.assertEqual((done["restored"], done["removed"], done["preview"]),
                         (len(words), 0, False))
        for data in (red, blue):
            self.wait_for("it is back", lambda data=data: cat(data) == words)
        self.assertIn("already", self.ok("doc", "restore", "demo", "a.md", "--at", "draft", "--yes",
                                         "--data", red))
        (back,) = self.ok_json("doc", "blame", "demo", "a.md", "--data", blue)["ranges"]
        self.assertEqual(listed["names"][back["by"]["device"]], "red")
        self.fails("doc", "show", "demo", "a.md", "--at", "nosuch", "--data", red,
                   says=["no version"])
        self.fails("doc", "show", "demo", "none.md", "--data", red, says=["no document"])
        self.ok("doc", "create", "demo", "empty.md", "--data", red)
        self.assertIn("before anything was written",
                      self.ok("doc", "diff", "demo", "empty.md", "1h", "--data", red))
        node.stop()


class Rest(CliTest):
    def get(self, url, method="GET", body=None, headers=None):
        request = urllib.request.Request(url, method=method, data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def get_json(self, *arguments, **more):
        status, body = self.get(*arguments, **more)
        return status, json.loads(body)

    def test_answers_as_described(self):
        data = self.init("red")
        url = self.start(data, "--bridge", "127.0.0.1:0").ready["bridge"]
        self.ok("workspace", "create", "my team", "--data", data)
        self.assertEqual(self.get_json(url + "/healthz"), (200, {"status": "ok"}))
        status, body = self.get_json(url + "/v1/status")
        self.assertEqual(status, 200)
        self.assertEqual(sorted(body), ["device", "disk", "name", "port_mapping", "version", "waiting", "workspaces"])
        team = url + "/v1/workspaces/my%20team/"
        posted = self.get_json(team + "documents", "POST", b'{"path":"a/b.md"}',
                               {"Content-Type": "application/json"})
        self.assertEqual((posted[0], posted[1]["path"]), (201, "a/b.md"))
        again = self.get_json(team + "documents", "POST", b'{"path":"a/b.md"}',
                              {"Content-Type": "application/json"})
        self.assertEqual((again[0], again[1]["error"]["code"]), (409, "conflict"))
        listed = self.get_json(team + "documents")[1]["documents"]
        self.assertEqual([one["id"] for one in listed], [posted[1]["id"]])
        disk = self.get_json(url + "/v1/status")[1]["disk"]
        self.assertGreaterEqual(disk["rows"], disk["commits"])
        self.assertGreater(disk["commit_ms"]["max"], 0)
        self.assertEqual(self.get_json(team + "peers"), (200, {"peers": []}))
        self.assertEqual(len(self.get_json(team + "members")[1]["members"]), 1)
        self.assertEqual(self.get_json(url + "/v1/workspaces/nope/documents")[0], 404)
        self.assertEqual(self.get_json(url + "/v1/openapi.json")[1]["openapi"], "3.1.0")
        self.assertEqual(self.get(url + "/")[0], 200)
        self.assertEqual(self.get(url + "/v1/status", headers={"Origin": "http://evil.example"})[0],
                         403)
        self.assertEqual(self.get(url + "/v1/status", headers={"Host": "evil.example"})[0], 403)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-") and os.path.exists(sys.argv[1]):
        COTERIE = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
