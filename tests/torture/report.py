# SPDX-License-Identifier: MIT
"""What is printed in the end."""

import collections
import json

VIOLATIONS = ("lost", "doubled", "reordered")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(title, counter):
    lines = [title]
    lines += [f"  {count:7}  {name}" for name, count in sorted(counter.items(), key=lambda item: (-item[1], item[0]))]
    return "\n".join(lines)


def summary(world, counts, other):
    options = world.options
    web = sum(chat.kind == "web" for chat in world.chats)
    struck = collections.Counter(world.faults.done)
    for name, hits in world.servicenow.struck.items():
        struck[f"{name} (calls struck)"] += hits
    lines = [f"seed {options.seed}, {options.minutes:g} minutes, {options.chats} chats at a time, "
             + (f"bridge: {options.bridge_command}" if options.bridge_command else f"store {options.store}")
             + (", old scripts" if options.legacy else ""),
             f"{len(world.chats)} chats: {web} in pages, {len(world.chats) - web} in conversations of Copilot Studio; "
             f"{sum(len(chat.readers) for chat in world.chats)} readers, {sum(r.reconnects for c in world.chats for r in c.readers)} reconnects"]
    if struck:
        lines.append(table("faults", struck))
    for kind, why in world.impossible.items():
        lines.append(f"  left out: {kind} ({why})")
    lines.append(f"messages to agents: {counts['sent']} sent, {counts['to_agent']} in panes; sender told failed: {counts['told_failed']}, "
                 f"unknown: {counts['told_unknown']}, no answer got through: {counts['told_nothing']}, cleared up later: {counts['cleared_up_later']}")
    lines.append(f"messages to users: {counts['to_user']}, shown {counts['shown']} times on all screens")
    lines.append(f"to pages without a cursor: repeated {counts['repeated_plain']}, swallowed behind the proxy {counts['swallowed_plain']}")
    lines.append(f"in conversations: repeated {counts['repeated_in_window']}, gone with an answer nobody got {counts['gone_with_an_answer']}, "
                 f"late with the answer of a repeated turn {counts['late_in_window']}")
    lines.append(f"shown late and marked so: {counts['late']}")
    if options.legacy:
        lines.append(f"of old rules, never told to the bridge: {counts['never_told_by_old_rules']}; "
                     f"overtaken on the way: {counts['reordered_by_old_rules']}")
    by_name = collections.Counter()
    for name, value in world.metrics.items():
        if "reconcil" in name or "recover" in name or "settle" in name:
            by_name[name] += int(value)
    if by_name:
        lines.append(table("from /metrics", by_name))
    times = [seconds for _, seconds in world.recovery]
    if times:
        kills = [seconds for kind, seconds in world.recovery if kind == "kill"]
        lines.append(f"from the end of a fault to the next message through: p50 {percentile(times, .5):.2f} s, max {max(times):.2f} s"
                     + (f"; from a restart after kill -9: p50 {percentile(kills, .5):.2f} s, max {max(kills):.2f} s" if kills else ""))
    for failed in world.faults.failed:
        lines.append(f"could not be carried out: {failed}")
    rest = [f"{kind}={count}" for kind, count in sorted(other.items())]
    lines.append(" ".join([f"{kind}={counts[kind]}" for kind in VIOLATIONS] + rest))
    return "\n".join(lines)


def story(chat, panes, log, marks):
    """Everything there is about one chat, in the order of time."""
    lines = [f"---- {chat.name}: {chat.kind} {getattr(chat, 'session_id', '')} {chat.numbers} missing: {chat.missing}"]
    lines += [f"{line['t']:9.3f} {line['what']} " + json.dumps({k: v for k, v in line.items() if k not in ("t", "who", "what")})
              for line in chat.ledger.story(chat.name)]
    for send in chat.sends:
        lines.append(f"  send {send.id} {send.text!r}: told {send.told}, receipt {send.receipt}, anywhere {send.anywhere}")
    for number, pane in panes.items():
        lines.append(f"  pane of {number}")
        lines += [f"    {row['sequence']:4} {row['from']:6} {row['sys_id']} {marks.get(row['sys_id'], '')} {row['text']!r}"
                  + (" (internal)" if row["internal"] else "") for row in pane]
    lines.append("  log of the session")
    lines += [f"    {json.dumps(frame)}" for frame in log or []]
    for reader in chat.readers:
        lines.append(f"  screen of {reader.name}" + (" (left)" if reader.left else ""))
        lines += [f"    {json.dumps(frame)}" for frame in reader.shown]
    for entry in getattr(chat, "record", []):
        lines.append(f"    window: {json.dumps(entry)}")
    return "\n".join(lines)
