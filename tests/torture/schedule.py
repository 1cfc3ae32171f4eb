# SPDX-License-Identifier: MIT
"""Which fault comes when: drawn from the seed before the run and written down, so that it can be had again."""

import json

import streams

SERVICENOW = (  # mode, values
    ("status", (500, 503)), ("rate_limit", (1, 2, None)), ("hang", (3, 8)), ("truncate", (None,)), ("html", (200,)),
    ("slow", (1, 3, 6)), ("late", (2, 6, 14)), ("stall", (2, 6)), ("quota", (None,)), ("cut", (10,)), ("drop", (None,)), ("drop_after_commit", (None,)),
)
TARGETS = ("send_message", "send_message", "send_message", "open_chat", "messages", "end_chat", "*")
WEBHOOK = (("delay", (1, 4)), ("reorder", (2,)), ("status", (500,)), ("hang", (5,)), ("drop", (None,)), ("refuse", (None,)))
LEGS = ("browser", "browser", "servicenow", "webhook", "copilot")
WEIGHTS = {"reset": 4, "silence": 4, "half_open": 2, "slow_network": 2, "packets": 3, "servicenow": 6, "webhooks": 4,
           "pause_bridge": 2, "pause_servicenow": 1, "deploy": 2, "disk_full": 2, "clock": 1}


def _reset(rng):
    return {"leg": rng.choice(LEGS), "share": rng.choice((0.3, 0.6, 1.0))}


def _silence(rng):
    return {"leg": rng.choice(LEGS), "for": round(rng.uniform(1, 7), 2)}


def _half_open(rng):
    return {**_silence(rng), "direction": rng.choice(("up", "down"))}


def _slow_network(rng):
    return {**_silence(rng), "delay": rng.choice((0.2, 0.6, 1.5))}


def _packets(rng):
    return {"of": rng.choice(("bridge", "servicenow")), "for": round(rng.uniform(1, 6), 2)}


def _struck(rng, modes):
    mode, values = rng.choice(modes)
    value = rng.choice(values)
    return {"mode": mode, **({} if value is None else {"value": value}), "rate": rng.choice((0.4, 0.8, 1.0)),
            "for": round(rng.uniform(1, 6), 2)}


def _servicenow(rng):
    return {"target": rng.choice(TARGETS), **_struck(rng, SERVICENOW)}


def _webhooks(rng):
    return {"target": "webhook", **_struck(rng, WEBHOOK)}


def _pause(rng):
    return {"for": round(rng.uniform(0.5, 4), 2)}


def _clock(rng):
    return {"advance": rng.choice((1, 10, 45, 200))}


DRAW = {"reset": _reset, "silence": _silence, "half_open": _half_open, "slow_network": _slow_network, "packets": _packets,
        "servicenow": _servicenow, "webhooks": _webhooks, "pause_bridge": _pause, "pause_servicenow": _pause,
        "deploy": lambda rng: {}, "disk_full": _pause, "clock": _clock}


def draw(options, seconds, impossible):
    """A list of faults by time. `impossible`: kinds that cannot be had here, each with its reason."""
    faults = []
    rng = streams.stream(options.seed, "kills")
    for n in range(0 if "kill" in impossible else options.kills):
        at = seconds * (n + 0.1 + 0.8 * rng.random()) / options.kills
        faults.append({"at": round(at, 2), "kind": "kill", "down": rng.choice((0.0, 0.0, 0.3, 1.5))})
    rng = streams.stream(options.seed, "faults")
    kinds = [kind for kind in WEIGHTS if not options.only or kind in options.only.split(",")]
    at = rng.expovariate(1 / options.faults_every)
    while at < seconds and kinds and not options.no_faults:
        kind = rng.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
        facts = DRAW[kind](rng)  # drawn also if it is left out: the others stay as they are
        elsewhere = options.legs and facts.get("leg") and facts["leg"] not in options.legs.split(",")
        if kind not in impossible and not elsewhere:
            faults.append({"at": round(at, 2), "kind": kind, **facts})
        at += rng.expovariate(1 / options.faults_every)
    return sorted(faults, key=lambda fault: fault["at"])


def save(path, options, faults):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"seed": options.seed, "minutes": options.minutes, "faults": faults}, file, indent=1)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
