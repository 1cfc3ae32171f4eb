#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The devtunnel scripts against a devtunnel that is not one: it keeps tunnels in a file, writes down
how it was called, and can be told to fail."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_program import FakeProgram, ROOT  # noqa: E402

# Prints what the real program prints, as far as the scripts read it.
DEVTUNNEL = r'''
import json, os
def load():
    return json.load(open(state)) if os.path.exists(state) else []
def save(tunnels):
    json.dump(tunnels, open(state, "w"))
def option(name):
    return args[args.index(name) + 1]
state = os.path.join(here, "tunnels.json")
words = [a for a in args if not a.startswith("-")]
tunnels = load()
print("Welcome to dev tunnels!")
if args[:2] == ["user", "show"]:
    print("Not logged in." if os.path.exists(os.path.join(here, "logged_out")) else "Logged in as sam@example.com using Microsoft.")
elif args[:1] == ["list"]:
    print("Tunnel ID                  Host Connections  Labels                    Ports  Expiration")
    for t in tunnels:
        print(f"{t['id']}    0    {t['labels']}    {len(t['ports'])}    30 days")
elif args[:1] == ["create"]:
    tunnels.append({"id": "jolly-river-lw1s3ms.use", "labels": option("--labels"), "ports": [], "anonymous": "--allow-anonymous" in args})
    save(tunnels)
elif args[:2] == ["port", "list"]:
    for p in [p for t in tunnels if t["id"] == words[2] for p in t["ports"]]:
        print(f"{p}    http    0")
elif args[:2] == ["port", "create"]:
    [t for t in tunnels if t["id"] == words[2]][0]["ports"].append(option("-p"))
    save(tunnels)
elif args[:1] == ["show"]:
    for t in tunnels:
        print("Tunnel ID : " + t["id"])
        for p in t["ports"]:
            print(f"  {p} http https://lw1s3ms-{p}-inspect.use.devtunnels.ms/ https://lw1s3ms-{p}.use.devtunnels.ms/")
elif args[:1] == ["host"]:
    print("Hosting port: 5001")
    print("Connect via browser: https://lw1s3ms.use.devtunnels.ms:5001, https://lw1s3ms-5001.use.devtunnels.ms")
    print("Inspect network activity: https://lw1s3ms-5001-inspect.use.devtunnels.ms")
elif args[:1] == ["delete"]:
    save([t for t in tunnels if t["id"] != words[1]])
else:
    raise SystemExit("unknown command")
'''

ADDRESS = "https://lw1s3ms-5001.use.devtunnels.ms"


class DevTunnel(unittest.TestCase):
    def setUp(self):
        self.fake = FakeProgram("devtunnel", DEVTUNNEL)
        self.addCleanup(self.fake.close)

    def script(self, name, *args, **kw):
        return self.fake.run([f"{ROOT}/scripts/devtunnel-{name}.sh", *args], **kw)

    def calls(self, *start):
        return [c for c in self.fake.calls() if c[: len(start)] == list(start)]

    def test_creates_a_tunnel_that_anybody_may_call_and_says_so(self):
        done = self.script("create")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(self.calls("create")), 1)
        self.assertIn("--allow-anonymous", self.calls("create")[0])
        self.assertEqual(self.calls("port", "create"), [["port", "create", "jolly-river-lw1s3ms.use", "-p", "5001", "--protocol", "http"]])
        self.assertIn("anonymous", done.stdout)
        self.assertIn(f"BRIDGE_PUBLIC_URL={ADDRESS}\n", done.stdout)
        self.assertIn(f"{ADDRESS}/api/servicenow/webhook\n", done.stdout)
        self.assertIn("ServiceNow cannot log in", self.script("create", "--help").stdout)

    def test_a_second_run_finds_the_first_ones_tunnel(self):
        self.script("create")
        done = self.script("create")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(self.calls("create")), 1)
        self.assertEqual(len(self.calls("port", "create")), 1)
        self.assertIn(f"BRIDGE_PUBLIC_URL={ADDRESS}\n", done.stdout)

    def test_a_tunnel_left_without_its_port_gets_it(self):
        self.fake.fail_on("port create")
        done = self.script("create")
        self.assertEqual(done.returncode, 1)
        self.assertIn("run this again", done.stdout)
        self.fake.heal()
        self.assertEqual(self.script("create").returncode, 0)
        self.assertEqual(len(self.calls("create")), 1)
        self.assertEqual(len(self.calls("port", "create")), 2)

    def test_another_port_and_label(self):
        self.script("create")
        done = self.script("create", "--port=8080", "--label", "handoff")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(self.calls("create")), 2, "a label must match whole, not in part")
        self.assertIn("8080", self.calls("port", "create")[-1])

    def test_hosts_it_and_says_where(self):
        self.script("create")
        done = self.script("host")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.calls("host"), [["host", "jolly-river-lw1s3ms.use"]])
        self.assertEqual(done.stdout.count(f"BRIDGE_PUBLIC_URL={ADDRESS}\n"), 1)

    def test_a_host_that_fails_fails_the_script(self):
        self.script("create")
        self.fake.fail_on("host")
        self.assertNotEqual(self.script("host").returncode, 0)

    def test_nothing_to_host(self):
        done = self.script("host")
        self.assertEqual(done.returncode, 1)
        self.assertIn("devtunnel-create.sh", done.stdout)

    def test_deletes_it_once(self):
        self.script("create")
        self.assertEqual(self.script("delete").returncode, 0)
        self.assertEqual(self.calls("delete"), [["delete", "jolly-river-lw1s3ms.use", "--force"]])
        again = self.script("delete")
        self.assertEqual(again.returncode, 0)
        self.assertIn("there is no tunnel", again.stdout)
        self.assertEqual(len(self.calls("delete")), 1)

    def test_without_the_program_or_a_login_nothing_is_tried(self):
        for name in ("create", "host", "delete"):
            missing = self.script(name, without=True)
            self.assertEqual(missing.returncode, 1)
            self.assertIn("not installed", missing.stdout)
        self.fake.touch("logged_out")
        for name in ("create", "host", "delete"):
            done = self.script(name)
            self.assertEqual(done.returncode, 1)
            self.assertIn("devtunnel user login", done.stdout)
        self.assertEqual({tuple(c) for c in self.fake.calls()}, {("user", "show")})

    def test_wrong_arguments(self):
        for args in (["--port"], ["--port", "x"], ["--port", "123456"], ["--label", "a b"], ["--loud"]):
            self.assertEqual(self.script("create", *args).returncode, 64, args)
        self.assertEqual(self.fake.calls(), [])


if __name__ == "__main__":
    unittest.main()
