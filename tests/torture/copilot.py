# SPDX-License-Identifier: MIT
"""One person in a conversation of Copilot Studio that a connected agent (the bridge) carries."""

import asyncio
import urllib.parse

import chats
import servicenow
import streams

LATE = "_(late, out of order)_ "  # what the bridge puts before such words
GONE = 20.0  # seconds after the end of a chat
MODES = ("normal", "normal", "expectReplies")


def window_of(record):
    """What the bridge said there, and what of it was marked as not in its place."""
    said = [entry["text"] for entry in record if entry["from"] == "agent"]
    return [text.removeprefix(LATE) for text in said], {text.removeprefix(LATE) for text in said if text.startswith(LATE)}


class CopilotChat(chats.Chat):
    kind = "copilot"

    def __init__(self, world, name):
        super().__init__(world, name)
        self.mode = self.rng.choice(MODES)
        self.path = ""
        self.record = []
        self.left = False
        self.turns_lost = 0
        self.over_since = None
        self.turns_repeated = set()  # activity ids of turns that were delivered more than once

    async def run(self):
        # Only words name the chat to the desk, so the first ones are its own.
        made = await self._control("/sandbox/copilot/conversations", {
            "delivery_mode": self.mode, "channel": "msteams", "user_name": self.name})
        self.path = "/sandbox/copilot/conversations/" + urllib.parse.quote(made["id"], safe="")
        self.note("conversation", mode=self.mode)
        opening = chats.Send(streams.sentence(self.rng, f"{self.name}-u0 I want a person"), None, 1, opening=True)
        self.sends.append(opening)
        await self._say(opening)
        if not await self._has_an_agent():
            self.finished = True
            return
        for _ in range(self.rng.randint(3, 10)):
            send = chats.Send(self.new_text(), None, 1)
            if self.world.is_ending or not await self._is_delegated():
                break  # the assistant would answer this one
            self.sends.append(send)
            await self._say(send)
            await asyncio.sleep(self.rng.uniform(0.3, 3.0))
        self.finished = True
        self.note("ends", how="agent")

    async def stop(self):
        pass

    async def _control(self, path, body):
        """The stand-in may be stopped for a moment, but not for good."""
        until = self.ledger.now() + 120
        while True:
            answer = await self.world.servicenow.post(path, body, patience=90)
            if answer.ok:
                return answer.body
            if self.ledger.now() > until:
                raise servicenow.ControlFailed(f"{path}: {answer}")
            await asyncio.sleep(0.5)

    async def _say(self, send):
        self.note("says", text=send.text)
        answer = await self.world.servicenow.post(self.path + "/say", {"text": send.text}, patience=90)
        self.note("heard", text=send.text, status=answer.status, body=answer.body)
        turn = answer.body if answer.ok else {}
        statuses = [attempt.get("status", 0) for attempt in turn.get("attempts", [])]
        if turn.get("answered_by") == "assistant" and not statuses:
            send.hear("failed")  # it never left Copilot Studio
        elif any(200 <= status < 300 for status in statuses):
            send.hear("delivered")
            self.world.through("user")
        else:
            send.hear("unheard")
        if turn.get("failed"):
            self.turns_lost += 1
        if len(statuses) > 1:
            self.turns_repeated.add(turn.get("activity_id"))

    async def _is_delegated(self):
        try:
            return (await self.world.servicenow.get(self.path)).get("delegated", False)
        except servicenow.ControlFailed:
            return True

    async def _has_an_agent(self):
        until = self.ledger.now() + 60
        while not self.numbers:
            if self.ledger.now() > until:
                self.note("nobody came")
                return False
            await asyncio.sleep(0.3)
        return True

    async def look(self):
        self.record = (await self.world.servicenow.get(self.path))["record"]
        return self.record

    async def unsettled(self):
        shown, _ = window_of(await self.look())
        if still := await self.still_open():
            return still
        self.over_since = self.over_since or self.ledger.now()
        if self.mode != "normal" and self.turns_lost and self.ledger.now() - self.over_since > GONE:
            return None  # what is missing went with an answer that nobody got; the checker counts it
        told = self.world.webhooks_told if self.world.options.legacy else None
        for number in self.numbers:
            for row in chats.public_rows(await self.world.servicenow.pane(number)):
                if row["text"] not in shown and (told is None or row["sys_id"] in told):
                    return f"the window does not show {row['sys_id']}"
        return None
