#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that the program can say about a failure has a row with symptom, cause and mend in
docs/07-troubleshooting.md. What it can say is read from the sources, so nothing can be forgotten."""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = "docs/07-troubleshooting.md"
TEXT = r'"((?:[^"\\]|\\.)+)"'


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def code(*rooms):
    """The sources of rooms in one text, each file after the other, without comments."""
    text = ""
    for room in rooms:
        for top in ("include/bridge", "src"):
            for path in sorted(glob.glob(os.path.join(ROOT, top, room, "**", "*.[ch]pp"), recursive=True)):
                text += read(os.path.relpath(path, ROOT)) + "\n"
    return re.sub(r"^\s*//.*$|\s//[ /<].*$", "", text, flags=re.M)


def body(text, head):
    """A function's body, up to the first closing brace in column 0."""
    at = text.index(head)
    return text[at:text.index("\n}", at)]


def error_codes():
    """id_of(Errc): the array that it reads."""
    source = read("src/core/error.cpp")
    array = source[source.index("kIds"):source.index("};")]
    return set(re.findall(TEXT, array))


def public_ids():
    """What stands in `error` of an answer or a frame: all forms in which the code names it."""
    text = code("channels", "net")
    found = set()
    for form in (r"\bRefusal(?:\s+\w+)?\(\s*\d+\s*,\s*" + TEXT,  # Refusal refusal(502, "x")
                 r"\brefuse_as\([^;{]*?\b\d{3}\s*,\s*" + TEXT,
                 r"\berror_response\(\s*[\w.]+\s*,\s*" + TEXT,
                 r"\breject\(\s*\w+\s*,\s*" + TEXT,  # after the upgrade
                 r"\bconstexpr std::string_view k(?:NotYourSession|SessionIdRequired|Replayed|\w*Error)\s*=\s*" + TEXT):
        found.update(re.findall(form, text))
    for head in ("std::string_view public_id(", "std::string_view id_for("):
        for line in re.findall(r"return ([^;]*);", body(text, head)):
            found.update(re.findall(TEXT, line))
    # `const std::string_view error = a ? "x" : "y";` before a reject
    for choice in re.findall(r"std::string_view error\s*=([^;]*);", text):
        found.update(re.findall(TEXT, choice))
    return found


def documented_ids():
    """Ids of the API reference: rows that begin with a status."""
    found = set()
    for line in read("docs/08-api-reference.md").splitlines():
        if not re.match(r"\| \d{3}\b", line):
            continue
        cells = line.split("|")[1:-1]
        named = cells[1] if re.fullmatch(r"[\d, ]+", cells[0]) else cells[0]
        found.update(re.findall(r"`([^`]+)`", named))
    return found


def script_ids():
    found = set()
    for path in sorted(glob.glob(os.path.join(ROOT, "servicenow", "*.js"))):
        found.update(re.findall(r"refuse\(\d+, '(\w+)'", read(os.path.relpath(path, ROOT))))
    answer = code("gateways")
    found.update(re.findall(r"ScriptError\{" + TEXT, answer))
    return found


def close_codes():
    enum = re.search(r"enum class CloseCode[^{]*\{(.*?)\};", code("net"), re.S).group(1)
    return set(re.findall(r"=\s*(\d{4})", enum))


def log_events():
    """Of warnings and errors, in every room of the bridge."""
    text = code("core", "session", "async", "config", "telemetry", "net", "identity", "handoff", "stores", "gateways",
                "channels", "tools", "app")
    found = set(re.findall(r"[.>](?:warning|error)\(\s*" + TEXT, text))
    found.update(re.findall(r"\.log\(\s*\w+\s*,\s*" + TEXT, text))
    return found


def readiness_reasons():
    text = code("channels", "app")
    return set(re.findall(r"\breason = " + TEXT, text))


def rows(page):
    """What stands in back quotes in the first cell of a row with three cells, none of them empty."""
    found = set()
    for line in page.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and all(cells):
            found.update(re.findall(r"`([^`]+)`", cells[0]))
            found.update(re.findall(r"exit code (\d+)(?: or (\d+))?", cells[0])[0] if "exit code" in cells[0] else ())
    return found


# What must have a row, where it comes from, and how many there are at least: a pattern that no longer
# fits the sources finds nothing, and that must not pass.
SOURCES = (
    ("id of core/error.cpp", error_codes, 25),
    ("id that an answer can carry", public_ids, 20),
    ("id of docs/08-api-reference.md", documented_ids, 20),
    ("id of a script in servicenow/", script_ids, 15),
    ("close code of net/websocket.hpp", close_codes, 9),
    ("event of the log", log_events, 20),
    ("reason of /readyz", readiness_reasons, 2),
    ("exit code", lambda: {"1", "64", "78"}, 3),
)
# Told in the text below the table: the line that goes with every error answer.
NO_ROW = {"request_refused", "http_request"}


def missing(page, wanted):
    known, found = rows(page) | NO_ROW, []
    for what, items, least in wanted:
        if len(items) < least:
            found.append(f"only {len(items)} of kind '{what}' were found; the pattern does not fit the sources")
        found += [f"{what}: {item}" for item in sorted(items - known)]
    return found


def unguarded(page, wanted):
    """An item whose rows can be taken away without being missed; None, as it should be."""
    for _, items, _ in wanted:
        for item in items - NO_ROW:
            left = [line for line in page.splitlines() if not (line.startswith("|") and item in line.split("|")[1])]
            if not missing("\n".join(left), wanted):
                return item
    return None


def main():
    page = read(PAGE)
    wanted = [(what, source(), least) for what, source, least in SOURCES]
    found = missing(page, wanted)
    for item in found:
        print(f"{PAGE} has no row for {item}")
    if found:
        return 1
    item = unguarded(page, wanted)
    if item:
        print(f"troubleshooting: without its row {item} should have been missed")
        return 1
    print(f"troubleshooting: {sum(len(items) for _, items, _ in wanted)} items have their row")
    return 0


if __name__ == "__main__":
    sys.exit(main())
