# SPDX-License-Identifier: MIT
"""The torture test. run.sh starts it; docs/reliability.md describes it."""

import asyncio
import collections
import os
import re
import shutil
import signal
import sys

import checker
import isolation
import options as command_line
import programs
import report
import servicenow
import world as the_world

COUNTED_ONLY = ("late",)
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:")


async def judge(world):
    """Counts over all chats, other violations by kind, and the stories of the chats that have any."""
    counts, other, stories = collections.Counter(), collections.Counter(), []
    legacy = bool(world.options.legacy)
    for chat in world.chats:
        panes = {number: await world.servicenow.pane(number) for number in chat.numbers}
        shown = {row["sys_id"] for pane in panes.values() for row in pane}
        excused = shown - world.webhooks_told if legacy else frozenset()
        if chat.kind == "web":
            log = await chat.read_log() if chat.session_id else []
            chat.take_receipts(log or [])
            verdict = checker.check_web(chat, panes, log or [], world.desk.whispers, legacy, excused)
            if log is None and not chat.problem:
                verdict.wrong("session_lost", f"{chat.session_id} cannot be read any more")
        else:
            log = []
            await chat.look()
            verdict = checker.check_copilot(chat, panes, world.desk.whispers, legacy, excused)
        if chat.problem:
            verdict.wrong("session_lost", chat.problem)
        if not chat.settled and not verdict.violations and chat.missing:
            verdict.wrong("unsettled", chat.missing)
        counts.update(verdict.counts)
        bad = [(kind, text) for kind, text in verdict.violations if kind not in COUNTED_ONLY]
        if bad:
            marks = {}
            for number in chat.numbers:
                marks.update(await world.servicenow.marks((await world.servicenow.interaction(number))["conversation_sys_id"]))
            stories.append(report.story(chat, panes, log, marks) + "".join(f"\n  !! {kind}: {text}" for kind, text in bad))
        other.update(kind for kind, _ in bad if kind not in report.VIOLATIONS)
    return counts, other, stories


def sanitizer_reports(folder):
    found = []
    for name in ("bridge.log", "sandbox.log"):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            found += [f"{name}: {line.strip()}" for line in file if SANITIZER.search(line)]
    return found


async def torture(options, isolated):
    world = the_world.World(options, isolated)
    print(f"seed {options.seed}; everything of this run is in {world.folder}", flush=True)
    bad = True
    try:
        await world.start()
        await world.run()
        await world.remember_metrics()
        counts, other, stories = await judge(world)
        for line in sanitizer_reports(world.folder):
            world.complain("sanitizer", line)
        other.update(kind for kind, _ in world.complaints)
        for text in stories:
            print(text)
        for kind, text in world.complaints:
            print(f"!! {kind}: {text}")
        bad = bool(stories or world.complaints or world.faults.failed)
        print(report.summary(world, counts, other))
        return 1 if bad else 0
    finally:
        await world.stop()
        if not bad and not options.keep:
            shutil.rmtree(world.folder, ignore_errors=True)


def main():
    options = command_line.parse(sys.argv[1:])
    isolated = isolation.isolate()
    loop = asyncio.new_event_loop()
    task = loop.create_task(torture(options, isolated))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return loop.run_until_complete(task)
    except asyncio.CancelledError:
        print("torture: ended by a signal", file=sys.stderr)
        return 130
    except (programs.ProgramFailed, servicenow.ControlFailed, OSError) as failed:
        print(f"torture: {failed}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
