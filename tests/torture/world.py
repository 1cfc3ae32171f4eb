# SPDX-License-Identifier: MIT
"""Programs, network, people: everything that a run consists of, and its course from start to settled."""

import asyncio
import os
import re
import tempfile

import chats
import copilot
import desk
import disk
import faults
import ledger
import network
import programs
import schedule
import servicenow
import streams
import wire

LIMITS = {"send": 12, "open": 12, "shutdown": 8}
SETTINGS = {
    "ALLOW_INSECURE_UPSTREAM": "1", "RATE_LIMIT": "off", "AGENT_API_SECRET": "torture-agent-secret-0123456789",
    "SN_REQUEST_TIMEOUT": "4s", "SEND_DEADLINE": f"{LIMITS['send']}s", "OPEN_DEADLINE": f"{LIMITS['open']}s",
    "SHUTDOWN_GRACE": f"{LIMITS['shutdown']}s", "PING_INTERVAL": "3s", "ABANDONED_AFTER": "30s", "RECONCILE_AFTER": "3s",
    "STORE_KEY": "torture-store-key-0123456789abcdef", "CS_AUTH": "key", "CS_API_KEY": "torture-copilot-key-0123456789", "CS_SERVICE_HOSTS": "127.0.0.1",
}
COPILOT = {"turn_limit_ms": 15000, "redeliver": {"times": 2, "delay_ms": 500}}
WEBHOOK_SECRET = "torture-webhook-secret-0123456789"
SETTLE = 60.0  # after the end of a chat, while faults go on
SETTLE_AT_LAST = 90.0  # when they are over
LINGER = 5.0  # for what comes once too often


class World:
    def __init__(self, options, isolated):
        self.options = options
        self.limits = LIMITS
        self.folder = options.keep or tempfile.mkdtemp(prefix="torture-")
        os.makedirs(self.folder, exist_ok=True)
        for name in ("bridge.log", "sandbox.log"):  # of a run before, in a folder that was kept
            if os.path.exists(os.path.join(self.folder, name)):
                os.remove(os.path.join(self.folder, name))
        self.ledger = ledger.Ledger(os.path.join(self.folder, "ledger.jsonl"))
        self.isolated = isolated
        self.legs = {name: network.Leg(name) for name in ("browser", "servicenow", "webhook", "copilot")}
        self.packets = network.PacketFilter()
        self.disk = disk.Disk(self.folder, self.isolated)
        self.sandbox = self.bridge = self.servicenow = self.faults = None
        self.has_cursors = True
        self.chats = []
        self.by_session = {}
        self.complaints = []
        self.impossible = {}  # kind of fault -> why it cannot be had
        self.recovery = []  # (kind, seconds)
        self.metrics = {}
        self.webhooks_told = set()  # message_sys_ids that the bridge has been told, for old rules
        self.interactions_done = 0
        self.desk = desk.Desk(self)
        self._tasks = set()
        self._settings = programs.settings_for_bridge(options.sandbox_binary)
        self._waiting = []
        self._bridges = 0
        self._metrics_now = {}
        self._began = 0.0
        self._last_call = 0
        self._ending = asyncio.Event()
        self._http = wire.session()

    # ---- What others ask ------------------------------------------------------------------------

    @property
    def browser_url(self):
        return f"http://127.0.0.1:{self.legs['browser'].port}"

    @property
    def direct_url(self):
        return f"http://127.0.0.1:{self.bridge.port}"

    @property
    def is_ending(self):
        return self._ending.is_set()

    def spawn(self, coroutine):
        """A task that ends with the run at the latest."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def chatting_since(self):
        return self.ledger.now() - self._began

    def complain(self, kind, text):
        self.ledger.note("world", kind, text=text)
        self.complaints.append((kind, text))

    def recovers(self, kind):
        """A fault is over: how long until a message gets through?"""
        self._waiting.append((kind, self.ledger.now()))

    def through(self, direction):
        del direction
        for kind, since in self._waiting:
            self.recovery.append((kind, self.ledger.now() - since))
        self._waiting.clear()

    # ---- Programs -------------------------------------------------------------------------------

    def _environment(self):
        settings = {**self._settings, **SETTINGS,
                    "SN_INSTANCE": f"http://127.0.0.1:{self.legs['servicenow'].port}", "SN_WEBHOOK_SECRET": WEBHOOK_SECRET,
                    "WEB_DIR": os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "web")}
        if self.options.store == "sqlite":
            settings["BRIDGE_STORE"] = f"sqlite:{self.disk.database}"
        settings.update(setting.split("=", 1) for setting in self.options.set)
        return settings

    async def start_bridge(self):
        self._bridges += 1
        bridge = programs.Bridge(self.options, self.folder, self._environment(), self._bridges)
        try:
            await bridge.ready()
        except programs.ProgramFailed as failed:
            self.complain("bridge_did_not_start", str(failed))
            raise
        self.bridge = bridge
        for name in ("browser", "webhook", "copilot"):
            self.legs[name].target = bridge.port
            await self.legs[name].accept()

    def bridge_is_away(self):
        """Its connections end by themselves, behind what it had sent: a network does not forget that with its sender."""
        for name in ("browser", "webhook", "copilot"):
            self.legs[name].refuse()

    async def keep_bridge_running(self):
        if self.bridge.running:
            return
        if not self.bridge.expected_to_end:
            self.complain("bridge_died", f"{self.bridge.name} ended by itself with {self.bridge.process.returncode}:\n"
                          f"{self.bridge.said()[-4000:]}")
        self.bridge_is_away()
        await self.start_bridge()

    async def start(self):
        await self.packets_start()
        for leg in self.legs.values():
            await leg.start()
        legs = self.legs
        words = ["--webhook-path", self.options.webhook_path, "--agent-auth", "key", "--agent-key", SETTINGS["CS_API_KEY"],
                 "--connected-agent", f"http://127.0.0.1:{legs['copilot'].port}/api/messages",
                 "--callback-base", f"http://127.0.0.1:{legs['servicenow'].port}"]
        self.sandbox = programs.Sandbox(self.options.sandbox_binary, self.folder, self.options.scripts,
                                        f"http://127.0.0.1:{legs['webhook'].port}", WEBHOOK_SECRET, words)
        await self.sandbox.ready()
        legs["servicenow"].target = self.sandbox.port
        self.servicenow = servicenow.ServiceNow(self.sandbox.port)
        await self.servicenow.must("/sandbox/copilot/faults", COPILOT)
        await self.start_bridge()
        await self._find_out_what_it_can()

    async def packets_start(self):
        if self.isolated:
            await self.packets.start()
        if not self.packets.works:
            self.impossible["packets"] = "no network namespace of our own, or no nft: the proxy's silence stands in"

    async def _find_out_what_it_can(self):
        answer = await wire.call(self._http, "POST", self.direct_url + "/api/servicenow/init-session", {}, timeout=20)
        if not answer.ok:
            raise programs.ProgramFailed(f"the bridge opens no session: {answer}")
        headers = {"Authorization": f"Bearer {answer.body.get('session_token', '')}"}
        url = f"{self.direct_url}/api/servicenow/poll/{answer.body['session_id']}?after=0:0"
        page = await wire.call(self._http, "GET", url, headers=headers, timeout=20)
        self.has_cursors = page.ok and bool(page.body.get("cursor"))
        if self.options.bridge_command:
            self.impossible["deploy"] = "two of a bridge at one port"
            self.impossible["disk_full"] = "nobody knows where it keeps its state"
        elif self.options.store == "memory":
            for kind in ("kill", "deploy", "disk_full"):
                self.impossible[kind] = "the store is memory"

    async def stop(self):
        self._ending.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for chat in self.chats:
            await chat.stop()
        for program in (self.bridge, self.sandbox):
            if program is not None:
                await program.kill()
        for leg in self.legs.values():
            await leg.stop()
        if self.servicenow is not None:
            await self.servicenow.close()
        await self._http.close()
        self.disk.unmount()
        self.ledger.close()

    # ---- The course of a run --------------------------------------------------------------------

    async def run(self):
        seconds = self.options.minutes * 60
        drawn = (schedule.load(self.options.replay)["faults"] if self.options.replay
                 else schedule.draw(self.options, seconds, self.impossible))
        schedule.save(os.path.join(self.folder, "schedule.json"), self.options, drawn)
        self.faults = faults.Faults(self, drawn)
        self._began = self.ledger.now()
        self.spawn(self.desk.run())
        self.spawn(self._watch())
        await self.faults.begin()
        trouble = self.spawn(self.faults.run())
        seats = [self.spawn(self._seat(n)) for n in range(self.options.chats)]
        await asyncio.wait(seats, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        self._ending.set()
        trouble.cancel()
        await asyncio.gather(trouble, return_exceptions=True)
        await self.faults.end()
        self.ledger.note("world", "faults are over")
        await asyncio.gather(*seats)
        await asyncio.gather(*(self._settle(chat, SETTLE_AT_LAST, at_last=True) for chat in self.chats))
        for chat in self.chats:
            await chat.stop_reading()

    async def _seat(self, n):
        """One chat after the other. Those that are over settle beside the next ones."""
        rng = streams.stream(self.options.seed, f"seat {n}")
        settling = []
        await asyncio.sleep(rng.uniform(0, 3))
        turn = 0
        while not self._ending.is_set():
            kind = copilot.CopilotChat if self.has_cursors and streams.share(rng, 0.2) else chats.WebChat
            chat = kind(self, f"c{n}.{turn}")
            turn += 1
            self.chats.append(chat)
            await chat.run()
            settling.append(self.spawn(self._settle(chat, SETTLE)))
        await asyncio.gather(*settling)

    async def _settle(self, chat, limit, at_last=False):
        until = self.ledger.now() + limit
        while not chat.settled and (at_last or not self.is_ending):
            before = chat.missing
            try:
                chat.missing = await chat.unsettled()
            except servicenow.ControlFailed as failed:
                chat.missing = str(failed)
            if chat.missing != before:
                chat.note("settles", missing=chat.missing)
            if chat.missing is None:
                chat.settled = True
                await asyncio.sleep(LINGER)
                await chat.stop_reading()
            elif self.ledger.now() > until or chat.problem:
                return
            else:
                await asyncio.sleep(1)

    async def _watch(self):
        while True:
            await asyncio.sleep(0.5)
            bridge = self.bridge
            if not bridge.running and not bridge.expected_to_end:
                await self.keep_bridge_running()
            if not self.sandbox.running:
                self.complain("stand_in", f"the sandbox has ended:\n{self.sandbox.said()[-3000:]}")
                return
            await self._look_at_metrics()
            if self.options.legacy:
                await self._look_at_webhooks()

    # ---- What is read besides -------------------------------------------------------------------

    async def _look_at_metrics(self):
        try:
            async with self._http.get(self.direct_url + "/metrics", timeout=2) as response:
                text = await response.text()
        except (OSError, asyncio.TimeoutError, Exception):  # pylint: disable=broad-except
            return
        now = {}
        for line in text.splitlines():
            found = re.match(r"([a-z_]+(?:\{[^}]*\})?) ([0-9.e+]+)$", line)
            if found and "_total" in found.group(1):
                now[found.group(1)] = float(found.group(2))
        self._metrics_now = now

    async def remember_metrics(self):
        """Counters begin anew with the process."""
        await self._look_at_metrics()
        for name, value in self._metrics_now.items():
            self.metrics[name] = self.metrics.get(name, 0) + value
        self._metrics_now = {}

    async def _look_at_webhooks(self):
        try:
            calls = await self.servicenow.get(f"/sandbox/calls?after={self._last_call}")
        except servicenow.ControlFailed:
            return
        for call in calls:
            self._last_call = call["id"]
            # What was dropped on the way has arrived as far as the instance knows.
            if call["direction"] == "out" and call["status"] // 100 == 2 and call["outcome"] != "fault:drop":
                self.webhooks_told.update(re.findall(r'"message_sys_id":"([0-9a-f]{32})"', call.get("request", "")))
