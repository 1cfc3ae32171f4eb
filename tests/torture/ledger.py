# SPDX-License-Identifier: MIT
"""What was done, and what was acknowledged to whom: one JSON line each, written at once."""

import collections
import json
import time


class Ledger:
    def __init__(self, path):
        self._file = open(path, "w", encoding="utf-8", buffering=1)
        self._began = time.monotonic()
        self._of = collections.defaultdict(list)
        self._marks = []

    def now(self):
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def note(self, who, what, **facts):
        line = {"t": round(self.now(), 3), "who": who, "what": what, **facts}
        self._of[who].append(line)
        self._file.write(json.dumps(line) + "\n")
        return line["t"]

    def mark(self, kind, leg="", until=None):
        """Something that may have swallowed an answer on its way to a page."""
        now = self.now()
        self._marks.append((now, now if until is None else until, kind, leg))

    def marks_between(self, first, last, legs):
        return [kind for begin, end, kind, leg in self._marks if end >= first and begin <= last and leg in legs]

    def story(self, who):
        return list(self._of[who])

    def close(self):
        self._file.close()
