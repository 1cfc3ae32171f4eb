# SPDX-License-Identifier: MIT
"""A stand-in for a program that a script calls: a folder at the head of PATH with a Python script of
that name, which writes down its arguments. The body sees `args`, `here` (its folder) and prints."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

HEAD = """#!{python} -IS
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
args = sys.argv[1:]
with open(os.path.join(here, "calls"), "a") as calls:
    calls.write(json.dumps(args) + "\\n")
failing = os.path.join(here, "fail_on")
if os.path.exists(failing) and " ".join(args).startswith(open(failing).read()):
    print("it fails, as it was told", file=sys.stderr)
    sys.exit(3)
"""


class FakeProgram:
    def __init__(self, name, body):
        self.folder = tempfile.mkdtemp(prefix="fake-")
        self.name = name
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(HEAD.format(python=sys.executable) + body)
        os.chmod(path, 0o755)
        # A PATH without any other program of the name.
        self.plain = os.path.join(self.folder, "plain")
        os.mkdir(self.plain)
        for tool in ("sh", "bash", "env", "awk", "sed", "grep", "head", "tr", "cat", "date", "mktemp", "rm", "git", "dirname", "sleep", "python3"):
            found = shutil.which(tool)
            if found:
                os.symlink(found, os.path.join(self.plain, tool))

    def close(self):
        shutil.rmtree(self.folder)

    def touch(self, name, text=""):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def fail_on(self, start):
        """The program fails when its arguments, joined by blanks, begin so."""
        self.touch("fail_on", start)

    def heal(self):
        os.remove(os.path.join(self.folder, "fail_on"))

    def calls(self):
        path = os.path.join(self.folder, "calls")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def run(self, command, without=False, environment=None, **kw):
        """Runs a script with the fake in its PATH; stderr comes with stdout."""
        path = self.plain if without else self.folder + ":" + self.plain
        env = {"PATH": path, "HOME": self.folder, "TMPDIR": self.folder, **(environment or {})}
        return subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=300, check=False, **kw)
