# SPDX-License-Identifier: MIT
"""Carries the schedule out, and counts what really struck."""

import asyncio
import collections
import os
import signal
import traceback

import servicenow
import streams


class Faults:
    def __init__(self, world, schedule):
        self.world = world
        self.schedule = schedule
        self.done = collections.Counter()
        self.failed = []  # faults that could not be carried out
        self._rng = streams.stream(world.options.seed, "struck")
        self._active = []  # (target, fault) of the stand-in
        self._setting = asyncio.Lock()
        self._program = asyncio.Lock()
        self._running = set()

    async def begin(self):
        """What is in force all the time."""
        options = self.world.options
        if options.webhook_drop:
            self._active.append(("webhook", {"mode": "drop", "rate": options.webhook_drop}))
        if options.webhook_double and options.webhook_drop < 1:
            # Asked only of those that were not dropped.
            rate = min(1, options.webhook_double / (1 - options.webhook_drop))
            self._active.append(("webhook", {"mode": "double", "rate": rate}))
        if options.send_drop:
            self._active.append(("send_message", {"mode": "drop_after_commit", "rate": options.send_drop}))
        await self._apply()

    async def run(self):
        for fault in self.schedule:
            await asyncio.sleep(max(0, fault["at"] - self.world.chatting_since()))
            task = self.world.spawn(self._carry_out(fault))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def end(self):
        """All is well again."""
        # What has begun is carried out: kills that wait for the one before them.
        while self._running:
            await asyncio.wait(set(self._running))
        for leg in self.world.legs.values():
            leg.heal()
        await self.world.packets.pass_all()
        self.world.sandbox.signal(signal.SIGCONT)
        self.world.disk.free()
        async with self._program:
            await self.world.keep_bridge_running()
            self.world.bridge.signal(signal.SIGCONT)
            self.world.bridge.limit_files(None)
        await self.world.servicenow.heal()

    async def _carry_out(self, fault):
        self.world.ledger.note("faults", fault["kind"], **{k: v for k, v in fault.items() if k not in ("kind", "at")})
        try:
            name = await getattr(self, f"_{fault['kind']}")(fault)
            self.done[name or fault["kind"]] += 1
            self.world.ledger.note("faults", f"{fault['kind']} is over")
        except (servicenow.ControlFailed, OSError) as error:
            self.failed.append(f"{fault}: {error}")
        except Exception:  # pylint: disable=broad-except  # a bug of ours must not pass for a quiet run
            self.failed.append(f"{fault}: {traceback.format_exc()}")

    # ---- The network ----------------------------------------------------------------------------

    async def _reset(self, fault):
        leg = self.world.legs[fault["leg"]]
        self.world.ledger.mark("reset", fault["leg"])
        leg.reset(lambda: streams.share(self._rng, fault["share"]))
        return f"reset {fault['leg']}"

    async def _for_a_while(self, fault, name, begin, end):
        now = self.world.ledger.now()
        self.world.ledger.mark(name, fault.get("leg", ""), until=now + fault["for"])
        begin()
        try:
            await asyncio.sleep(fault["for"])
        finally:
            end()
        self.world.recovers(name)
        return name

    async def _silence(self, fault):
        leg = self.world.legs[fault["leg"]]
        return await self._for_a_while(fault, f"silence {fault['leg']}", leg.swallow, leg.heal)

    async def _half_open(self, fault):
        leg = self.world.legs[fault["leg"]]
        return await self._for_a_while(fault, f"half open {fault['leg']}", lambda: leg.swallow({fault["direction"]}), leg.heal)

    async def _slow_network(self, fault):
        leg = self.world.legs[fault["leg"]]
        return await self._for_a_while(fault, f"slow {fault['leg']}", lambda: setattr(leg, "delay", fault["delay"]), leg.heal)

    async def _packets(self, fault):
        port = self.world.bridge.port if fault["of"] == "bridge" else self.world.legs["servicenow"].port
        self.world.ledger.mark("packets", "", until=self.world.ledger.now() + fault["for"])
        if not await self.world.packets.drop(port):
            raise OSError("packets could not be dropped")
        try:
            await asyncio.sleep(fault["for"])
        finally:
            await self.world.packets.pass_all()
        self.world.recovers("packets dropped")
        return f"packets dropped {fault['of']}"

    # ---- ServiceNow -----------------------------------------------------------------------------

    async def _apply(self):
        async with self._setting:
            await self.world.servicenow.set_faults(self._active)

    async def _servicenow(self, fault):
        struck = (fault["target"], {key: fault[key] for key in ("mode", "value", "rate") if key in fault})
        self._active.insert(0, struck)
        await self._apply()
        try:
            await asyncio.sleep(fault["for"])
        finally:
            self._active.remove(struck)
        await self._apply()
        self.world.recovers(f"{fault['target']} {fault['mode']}")
        return f"{fault['target']} {fault['mode']} (while)"

    _webhooks = _servicenow

    async def _clock(self, fault):
        await self.world.servicenow.must("/sandbox/clock", {"advance_s": fault["advance"]})
        return "clock of ServiceNow stepped"

    async def _pause_servicenow(self, fault):
        sandbox = self.world.sandbox
        return await self._for_a_while(fault, "pause_servicenow", lambda: sandbox.signal(signal.SIGSTOP),
                                       lambda: sandbox.signal(signal.SIGCONT))

    # ---- The bridge -----------------------------------------------------------------------------

    async def _kill(self, fault):
        async with self._program:
            world = self.world
            begun = world.ledger.now()
            await world.remember_metrics()
            await world.bridge.kill()
            world.bridge_is_away()
            await asyncio.sleep(fault["down"])
            world.recovers("kill")
            await world.start_bridge()
            world.ledger.mark("kill", "", until=world.ledger.now())
            world.ledger.mark("kill", "", until=begun)
        return "kill"

    def _is_too_late(self, fault):
        """On a slow machine kills wait for one another; what comes between them must not pile up behind them."""
        return self.world.chatting_since() - fault["at"] > 8

    async def _deploy(self, fault):
        async with self._program:
            if self._is_too_late(fault):
                return "left out, because the one before took too long"
            world = self.world
            await world.remember_metrics()
            old = world.bridge
            world.ledger.mark("deploy", "", until=world.ledger.now() + world.limits["shutdown"])
            old.expected_to_end = True
            await world.start_bridge()
            old.signal(signal.SIGTERM)
            world.recovers("deploy")
            if await old.ended(world.limits["shutdown"] + 10) is None:
                world.complain("bridge_stuck", f"{old.name} does not end after SIGTERM")
                await old.kill()
        return "deploy"

    async def _pause_bridge(self, fault):
        async with self._program:
            if self._is_too_late(fault):
                return "left out, because the one before took too long"
            bridge = self.world.bridge
            return await self._for_a_while(fault, "pause_bridge", lambda: bridge.signal(signal.SIGSTOP),
                                           lambda: bridge.signal(signal.SIGCONT))

    async def _disk_full(self, fault):
        async with self._program:
            if self._is_too_late(fault):
                return "left out, because the one before took too long"
            world = self.world
            if world.disk.is_small:
                return await self._for_a_while(fault, "disk_full", world.disk.fill, world.disk.free)
            size = max(os.path.getsize(path) for path in world.disk.files())
            return await self._for_a_while(fault, "disk_full", lambda: world.bridge.limit_files(size),
                                           lambda: world.bridge.limit_files(None))
