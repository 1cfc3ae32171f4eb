# SPDX-License-Identifier: MIT
"""Chance, from one seed. Every actor has a stream of its own, so that one more draw here changes nothing there."""

import random

WORDS = ("printer", "network", "invoice", "laptop", "badge", "calendar", "screen", "cable", "folder", "headset", "update",
         "window", "report", "account", "ticket", "meeting", "phone", "licence", "drive", "dock")
# Said again and again, by both sides: an echo or a repeat must not be recognised by its text.
SAME = ("yes", "ok", "thanks", "no", "one moment")


def stream(seed, name):
    return random.Random(f"{seed}/{name}")


def sentence(rng, label):
    """A text that nobody else says, made of plain words: no channel has a reason to change it."""
    return f"{label} " + " ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 7)))


def share(rng, rate):
    return rng.random() < rate
