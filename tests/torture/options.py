# SPDX-License-Identifier: MIT
"""The command line."""

import argparse
import os
import random

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

PROFILES = {
    # What scripts/test.sh runs: every kind of trouble, in little time.
    "short": {"seed": 5, "minutes": 1.2, "chats": 6, "kills": 5, "faults_every": 4.0},
    # What the promise was accepted by.
    "acceptance": {"minutes": 20.0, "chats": 12, "kills": 200, "faults_every": 6.0},
}
DEFAULTS = {"seed": None, "minutes": 5.0, "chats": 12, "kills": 10, "faults_every": 5.0}


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run.sh", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Chats through a real bridge and a stand-in for ServiceNow while both, and the network between\n"
                    "them, are broken in every way; then counts what was lost, doubled or out of order.",
        epilog="docs/reliability.md says what is promised and how to read the report. Exit status: 0 the promise held,\n"
               "1 it did not, 2 the test itself could not run.")
    parser.add_argument("--seed", type=int, help="what everything random is drawn from (drawn itself if left out)")
    parser.add_argument("--minutes", type=float, help="how long people chat (5)")
    parser.add_argument("--chats", type=int, help="chats at a time (12)")
    parser.add_argument("--kills", type=int, help="how often the bridge is killed with SIGKILL (10)")
    parser.add_argument("--faults-every", type=float, help="seconds from one other fault to the next, on average (5)")
    parser.add_argument("--no-faults", action="store_true", help="none of these, only the rates below")
    parser.add_argument("--only", help="kinds of faults, separated by commas, instead of all")
    parser.add_argument("--legs", help="likewise, where the network fails: browser, servicenow, webhook, copilot")
    parser.add_argument("--readers", dest="audience", help="ways in which every page reads, instead of a mixture: "
                        "socket, long_poll, poll, plain, plain_poll, separated by commas")
    parser.add_argument("--profile", choices=sorted(PROFILES), help="short: a minute with a fixed seed; acceptance: 200 kills")
    parser.add_argument("--webhook-drop", type=float, default=0.3, help="share of webhooks that never come (0.3)")
    parser.add_argument("--webhook-double", type=float, default=0.1, help="share that comes twice (0.1)")
    parser.add_argument("--send-drop", type=float, default=0.2,
                        help="share of sends whose answer is lost after ServiceNow has done them (0.2)")
    parser.add_argument("--store", choices=("sqlite", "memory"), default="sqlite",
                        help="memory loses everything with the process: no kills then")
    parser.add_argument("--binaries", default=os.path.join(ROOT, "build", "release", "bin"),
                        help="folder of handoff-bridge and handoff-sandbox")
    parser.add_argument("--scripts", default=os.path.join(ROOT, "servicenow"), help="folder of ServiceNow's scripts")
    parser.add_argument("--legacy", metavar="FOLDER", help="the same, of the old kind: less is promised then")
    parser.add_argument("--keep", metavar="FOLDER", help="where logs, ledger and database go, and stay")
    parser.add_argument("--replay", metavar="FILE", help="schedule.json of another run instead of one drawn from the seed")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a setting of the bridge")
    parser.add_argument("--bridge-command", metavar="'CMD ...'", help="another bridge that speaks the same paths; gets PORT "
                        "and the settings in its environment")
    parser.add_argument("--bridge-port", type=int, help="where that one listens")
    parser.add_argument("--webhook-path", help="where ServiceNow's rules call (/api/servicenow/webhook)")
    options = parser.parse_args(arguments)
    chosen = {**DEFAULTS, **PROFILES.get(options.profile, {})}
    for name, value in chosen.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1, 1_000_000)
    if bool(options.bridge_command) != bool(options.bridge_port):
        parser.error("--bridge-command and --bridge-port go together")
    options.audience = tuple(options.audience.split(",")) if options.audience else None
    if options.legacy:
        options.scripts = options.legacy
    if not options.webhook_path:
        options.webhook_path = "/api/sn-webhook" if options.legacy else "/api/servicenow/webhook"
    options.bridge_binary = os.path.join(options.binaries, "handoff-bridge")
    options.sandbox_binary = os.path.join(options.binaries, "handoff-sandbox")
    for setting in options.set:
        if "=" not in setting:
            parser.error("--set takes NAME=VALUE")
    return options
