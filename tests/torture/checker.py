# SPDX-License-Identifier: MIT
"""Compares what was said, what was acknowledged and what was shown. Nothing here asks the bridge what it thinks of
itself: rows of the agent's pane, answers that people got, and frames on screens are held against each other."""

import collections

import chats
import copilot

# After what a frame may come a second time to a page without a cursor, and how long before it.
REPEAT_MARGIN = 12.0
PAGE_LEGS = ("browser", "")
# What an old installation is sent in place of an end.
OLD_END = "[user ended the chat]"
# What the bridge says in a conversation of Copilot Studio.
TOLD_BY_LINE = (("This was not delivered", "failed"), ("It is not certain that this was delivered", "unknown"))


class Verdict:
    """Of one chat: violations by kind, each with what is wrong, and counts of what is worth telling."""

    def __init__(self):
        self.violations = []
        self.counts = collections.Counter()

    def wrong(self, kind, text):
        self.violations.append((kind, text))
        self.counts[kind] += 1


def is_subsequence(wanted, among):
    """The first of `wanted` that does not follow, or None if all do."""
    rest = iter(among)
    return next((item for item in wanted if not any(item == other for other in rest)), None)


def check_sends(verdict, sends, pane, where):
    """The agent's pane against what the senders were told."""
    rows = [row["text"] for row in pane if row["from"] == "user" and row["text"] != OLD_END]
    certain = [send.text for send in sends if send.certain]
    spare = collections.Counter(rows)
    spare.subtract(collections.Counter(certain))
    possible = collections.Counter(send.text for send in sends if not send.certain and send.may_be_there)
    owed = collections.Counter(send.text for send in sends if not send.certain and send.must_be_there)
    refused = collections.Counter(send.text for send in sends if not send.may_be_there)
    short = False
    for text in set(spare) | set(owed):
        count = spare[text]
        if count < owed[text]:
            short = True
            for _ in range(owed[text] - count):
                verdict.wrong("lost", f"{where}: delivered, but not in the pane: {text!r}")
        elif count > possible[text]:
            for _ in range(count - possible[text]):
                if refused[text] and not certain.count(text):
                    verdict.wrong("failed_but_there", f"{where}: its sender was told that it failed: {text!r}")
                else:
                    verdict.wrong("doubled", f"{where}: too often in the pane: {text!r}")
    if not short:
        stray = is_subsequence(certain, rows)
        if stray is not None:
            verdict.wrong("reordered", f"{where}: out of order in the pane: {stray!r}")
    verdict.counts["to_agent"] += len(rows)


def check_list(verdict, shown, wanted, where, prefix=False, late=()):
    """One screen's list of ids against the rows in their order. A page that was left shows a beginning of them."""
    seen = collections.Counter(shown)
    for sys_id, count in seen.items():
        if sys_id not in wanted:
            verdict.wrong("stray", f"{where}: shows {sys_id}, which no customer should see")
        for _ in range(count - 1):
            verdict.wrong("doubled", f"{where}: {sys_id} is shown {count} times")
    places = {sys_id: at for at, sys_id in enumerate(wanted)}
    order = [places[sys_id] for sys_id in dict.fromkeys(shown) if sys_id in places]
    for before, after in zip(order, order[1:]):
        if after < before:
            # Its reader was told that it, or the one shown too early, is not where it belongs.
            kind = "late" if wanted[before] in late or wanted[after] in late else "reordered"
            verdict.wrong(kind, f"{where}: {wanted[after]} comes after {wanted[before]}")
    end = max(order, default=-1) + 1 if prefix else len(wanted)
    next_shown = None
    for sys_id in reversed(wanted[:end]):
        if sys_id in seen:
            next_shown = sys_id
        elif prefix and (next_shown in late or sys_id in late):
            # Whoever left had been told that the one before that is not there yet, or it belongs to the chat before.
            verdict.wrong("late", f"{where}: left before {sys_id} came")
        else:
            verdict.wrong("lost", f"{where}: {sys_id} was never shown")
    verdict.counts["shown"] += len(seen)


def check_statuses(verdict, statuses, rounds, where, complete):
    """Queued, perhaps live, closed; and that once for each chat."""
    state = "bot"
    for frame in statuses:
        now = frame["state"]
        if state == "closed" and now == "live" or state == "closed" and now == "closed":
            verdict.wrong("status", f"{where}: {now} after {state}")
        state = now
    closed = sum(frame["state"] == "closed" for frame in statuses)
    if complete and closed != rounds:
        verdict.wrong("status", f"{where}: {closed} ends of {rounds} chats")


def without_explained_repeats(verdict, frames, ledger, where):
    """The list of a page without a cursor. A frame that came again after something had cut the page off, or killed the
    bridge, cannot be told from a new one by anybody; any other repeat stays in the list."""
    shown, first = [], {}
    for frame in frames:
        sys_id = frame.get("id")
        if sys_id in first and ledger.marks_between(first[sys_id] - REPEAT_MARGIN, frame["t"], PAGE_LEGS):
            verdict.counts["repeated_plain"] += 1
            continue
        first.setdefault(sys_id, frame["t"])
        shown.append(sys_id)
    return shown


def check_readers(verdict, chat, log, wanted, whispers, legacy):
    for reader in chat.readers:
        for frame in reader.shown:
            if frame.get("text") in whispers:
                verdict.wrong("whisper", f"{reader.name}: shows what agents said to each other: {frame}")
        frames = reader.messages()
        late = {frame.get("id") for frame in frames + log if frame.get("late")}
        statuses = [frame for frame in reader.shown if frame.get("type") == "status"]
        if reader.has_cursor:
            check_list(verdict, [frame.get("id") for frame in frames], wanted, reader.name, reader.left, late)
            check_statuses(verdict, statuses, len(chat.numbers), reader.name, not reader.left and not legacy)
            # On an old installation an end is not told; the chat is given up when all have stopped reading.
            check_against_log(verdict, reader, [frame for frame in log if not (legacy and frame.get("reason") == "abandoned")])
        else:
            shown = without_explained_repeats(verdict, frames, chat.ledger, reader.name)
            swallowed = {sys_id for sys_id in wanted if sys_id not in shown and chat.may_be_swallowed(sys_id)}
            verdict.counts["swallowed_plain"] += 0 if reader.left else len(swallowed)
            check_list(verdict, shown, [sys_id for sys_id in wanted if sys_id not in swallowed], reader.name, reader.left, late)
        if reader.lost_session:
            verdict.wrong("session_lost", f"{reader.name}: the session is unknown to the bridge")


def check_against_log(verdict, reader, log):
    """All who read by cursor have the same frames at the same places."""
    for hole in reader.told_of_a_hole:
        verdict.wrong("hole", f"{reader.name}: was told that history is not complete: {hole}")
    for frame in log:
        mine = reader.frames.get(frame["seq"])
        if mine is None and not reader.left:
            verdict.wrong("lost", f"{reader.name}: has not shown frame {frame['seq']}: {frame}")
        elif mine is not None and {**mine, "t": 0} != {**frame, "t": 0}:
            verdict.wrong("other_frame", f"{reader.name}: frame {frame['seq']} is {mine}, and in the log {frame}")
    for seq in set(reader.frames) - {frame["seq"] for frame in log}:
        verdict.wrong("other_frame", f"{reader.name}: frame {seq} is not in the log: {reader.frames[seq]}")


def check_log(verdict, chat, log):
    """The session's log: no holes, and each message of the person's once, in the order in which it was said."""
    seqs = [frame["seq"] for frame in log]
    if seqs != list(range(1, len(seqs) + 1)):
        verdict.wrong("hole", f"the log has the places {seqs}")
    said = [(frame.get("client_message_id"), frame.get("text")) for frame in log
            if frame.get("type") == "message" and frame.get("from") == "user"]
    ids = collections.Counter(message_id for message_id, _ in said)
    for message_id, count in ids.items():
        if count > 1:
            verdict.wrong("doubled", f"the log has {message_id} {count} times")
    for send in chat.sends:
        if send.id and send.told == "delivered" and not send.opening and (send.id, send.text) not in said:
            verdict.wrong("lost", f"the log has no {send.id}: {send.text!r}")
    known = [send.id for send in chat.sends if send.id in ids and not send.opening]
    order = [message_id for message_id, _ in said if message_id in set(known)]
    if known != order:
        verdict.wrong("reordered", f"the log has {order}; they were said as {known}")
    receipts = chats.receipts_of(log)
    for message_id in ids:
        if message_id not in receipts:
            verdict.wrong("no_receipt", f"nobody was told what became of {message_id}")


def judge_sends(chat, legacy):
    """What each sender knows in the end decides where the text must, may or must not be."""
    for send in chat.sends:
        final = send.told
        if send.receipt is not None and final in ("unheard", "unknown") or send.opening and send.receipt is not None:
            final = send.receipt
        send.final = final
        send.certain = final == "delivered" and not send.anywhere
        send.must_be_there = final == "delivered"
        send.may_be_there = final != "failed"
        if send.opening and send.receipt is None and final == "unheard":
            send.may_be_there = True
        if legacy and (send.anywhere or send.opening):
            # An old open_chat writes the first words where the pane does not show them.
            send.certain = send.must_be_there = False


def check_receipts(verdict, chat):
    for send in chat.sends:
        if send.receipt is None or send.opening:
            continue
        if send.told == "delivered" and send.receipt != "delivered":
            verdict.wrong("receipt", f"{send.id}: its sender was told delivered, the receipt says {send.receipt}")
        if send.told == "failed" and send.receipt == "delivered":
            verdict.wrong("receipt", f"{send.id}: its sender was told failed, the receipt says delivered")


def check_desk(verdict, chat, panes):
    """The stand-in itself: what it took from an agent stands in the pane."""
    for number, said in chat.said_by_agent.items():
        there = {row["sys_id"] for row in panes.get(number, [])}
        for sys_id in said:
            if sys_id not in there:
                verdict.wrong("stand_in", f"{number}: the pane has lost {sys_id}")


def check_web(chat, panes, log, whispers, legacy, excused):
    verdict = Verdict()
    judge_sends(chat, legacy)
    for number, interaction in enumerate(chat.numbers, 1):
        sends = [send for send in chat.sends if send.chat_number == number]
        check_sends(verdict, sends, panes[interaction], interaction)
    check_desk(verdict, chat, panes)
    rows = [row["sys_id"] for number in chat.numbers for row in chats.public_rows(panes[number])]
    # A callback may have arrived although its sender heard nothing of it.
    excused = excused - {frame.get("id") for frame in log}
    wanted = [sys_id for sys_id in rows if sys_id not in excused]
    verdict.counts["never_told_by_old_rules"] += len(rows) - len(wanted)
    verdict.counts["to_user"] += len(wanted)
    check_readers(verdict, chat, log, wanted, whispers, legacy)
    if log:
        check_log(verdict, chat, log)
        check_receipts(verdict, chat)
    if legacy:
        excuse_old_rules(verdict)
    count_told(verdict, chat)
    return verdict


def excuse_old_rules(verdict):
    """They give no sequence, so nobody can know that a row was overtaken."""
    screens = [item for item in verdict.violations if item[0] == "reordered" and "comes after" in item[1]]
    for item in screens:
        verdict.violations.remove(item)
    verdict.counts["reordered"] -= len(screens)
    verdict.counts["reordered_by_old_rules"] += len(screens)


def count_told(verdict, chat):
    for send in chat.sends:
        verdict.counts["sent"] += 1
        if send.final == "failed":
            verdict.counts["told_failed"] += 1
        elif send.final == "unheard":
            verdict.counts["told_nothing"] += 1
        elif send.final != "delivered":
            verdict.counts["told_unknown"] += 1
        elif send.told in ("unknown", "unheard"):
            verdict.counts["cleared_up_later"] += 1


def hear_lines(chat):
    """What the bridge says in the conversation itself of words that did not get through."""
    for entry in chat.record:
        told = next((told for begin, told in TOLD_BY_LINE if entry["from"] == "agent" and entry["text"].startswith(begin)), None)
        if told is None:
            continue
        meant = [send for send in chat.sends if f'"{send.text}"' in entry["text"] and send.told == "delivered"]
        if meant:
            meant[0].hear(told)
        for send in meant:  # of equal words nobody can tell which are meant
            send.anywhere = True


def check_copilot(chat, panes, whispers, legacy, excused):
    """A conversation's window has no ids, so texts are compared. Where an answer got lost, the protocol leaves nobody a
    way to know: such repeats are counted, and what left with an answer that nobody saw."""
    verdict = Verdict()
    hear_lines(chat)
    judge_sends(chat, legacy)
    pane = [row for number in chat.numbers for row in panes[number]]
    if chat.numbers:
        check_sends(verdict, chat.sends, pane, ", ".join(chat.numbers))
    check_desk(verdict, chat, panes)
    rows = [row for row in chats.public_rows(pane) if row["sys_id"] not in excused]
    wanted = [row["text"] for row in rows]
    texts = set(wanted)
    window, marked = copilot.window_of(chat.record)
    for text in window:
        if any(whisper in text for whisper in whispers):
            verdict.wrong("whisper", f"the window shows what agents said to each other: {text!r}")
    shown = [text for text in window if text in texts]
    often = collections.Counter(shown)
    often.subtract(collections.Counter(wanted))
    for text, count in often.items():
        if count > 0:
            verdict.counts["repeated_in_window"] += count
        elif count < 0 and chat.mode != "normal" and chat.turns_lost:
            verdict.counts["gone_with_an_answer"] += -count
        elif count < 0:
            verdict.wrong("lost", f"the window does not show {text!r}")
    # The answer of a turn that had to be delivered again shows what it carries late, among what was posted meanwhile.
    repeated = [entry for entry in chat.record if entry["by"] == "turn" and entry["reply_to"] in chat.turns_repeated]
    late = set(copilot.window_of(repeated)[0])
    verdict.counts["late_in_window"] += len(late & texts)
    verdict.counts["late"] += len(marked & texts)
    late |= marked
    first_shown = list(dict.fromkeys(text for text in shown if wanted.count(text) == 1 and text not in late))
    stray = is_subsequence(first_shown, [text for text in wanted if wanted.count(text) == 1])
    if stray is not None:
        verdict.wrong("reordered", f"the window shows {stray!r} out of order")
    verdict.counts["to_user"] += len(wanted)
    verdict.counts["shown"] += len(set(shown))
    count_told(verdict, chat)
    return verdict
