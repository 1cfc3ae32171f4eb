# SPDX-License-Identifier: MIT
"""The programs under test and beside it, as real processes. Each dies with us, however we end."""

import asyncio
import ctypes
import os
import re
import resource
import shlex
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ProgramFailed(Exception):
    """A program did not start, or ended although nobody had told it to."""


def _prepare():
    """Runs in the child. A file that may not grow is an error to write to, not a reason to die."""
    os.setsid()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


class Program:
    def __init__(self, name, words, log, environment=None):
        self.name = name
        self.log = log
        self.expected_to_end = False
        self._from = os.path.getsize(log) if os.path.exists(log) else 0
        keep = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH")
                if key in os.environ}
        with open(log, "ab") as file:
            # Not asyncio's: its watchers do not survive a namespace in which we are the first process.
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                            env={**keep, **(environment or {})}, preexec_fn=_prepare)

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process.poll() is None

    def said(self):
        """Its log since it was started."""
        with open(self.log, "rb") as file:
            file.seek(self._from)
            return file.read().decode("utf-8", "replace")

    async def wait_for(self, pattern, limit):
        until = time.monotonic() + limit
        while True:
            found = re.search(pattern, self.said())
            if found:
                return found
            if not self.running:
                raise ProgramFailed(f"{self.name} ended with {self.process.returncode}:\n{self.said()[-3000:]}")
            if time.monotonic() > until:
                raise ProgramFailed(f"{self.name} is not ready after {limit} s:\n{self.said()[-3000:]}")
            await asyncio.sleep(0.02)

    def signal(self, number):
        if self.running:
            self.process.send_signal(number)

    async def ended(self, limit):
        """The exit status, or None if it does not end in time."""
        until = time.monotonic() + limit
        while self.running and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return self.process.poll()

    async def kill(self):
        self.expected_to_end = True
        self.signal(signal.SIGKILL)
        await self.ended(10)

    def limit_files(self, size):
        """No file of it may grow beyond `size`; None lifts that. How a disk is full without root."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


class Sandbox(Program):
    """ServiceNow and Copilot Studio."""

    def __init__(self, binary, folder, scripts, webhook_url, secret, words=()):
        self.secret = secret
        words = [binary, "--port", "0", "--scripts", scripts, "--bridge", webhook_url, "--webhook-secret", secret, *words]
        super().__init__("sandbox", words, os.path.join(folder, "sandbox.log"))
        self.port = 0

    async def ready(self, limit=60):
        self.port = int((await self.wait_for(r"handoff-sandbox listening on http://\S+:(\d+)", limit)).group(1))


def settings_for_bridge(sandbox_binary):
    printed = subprocess.run([sandbox_binary, "--print-env"], stdout=subprocess.PIPE, check=True, text=True, timeout=60)
    return dict(line.split("=", 1) for line in printed.stdout.splitlines() if "=" in line)


class Bridge(Program):
    """Ours takes a free port and says which; another one is started by its user's command on a fixed port."""

    def __init__(self, options, folder, environment, number):
        self.external = bool(options.bridge_command)
        words = shlex.split(options.bridge_command) if self.external else [options.bridge_binary, "serve"]
        environment = {**environment, "PORT": str(options.bridge_port or 0), "BRIDGE_HOST": "127.0.0.1"}
        super().__init__(f"bridge {number}", words, os.path.join(folder, "bridge.log"), environment)
        self.port = options.bridge_port

    async def ready(self, limit=60):
        if not self.external:
            self.port = int((await self.wait_for(r"listening host=127\.0\.0\.1 port=(\d+)", limit)).group(1))
            return
        until = time.monotonic() + limit
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            except OSError:
                if not self.running or time.monotonic() > until:
                    raise ProgramFailed(f"nobody listens on port {self.port}:\n{self.said()[-3000:]}") from None
                await asyncio.sleep(0.05)
