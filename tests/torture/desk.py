# SPDX-License-Identifier: MIT
"""The agents. One desk accepts whatever chat is offered to them, and plays each of its agents: they answer, say
several things in a row and the same things again, whisper, hand on to a colleague, type, and end chats."""

import asyncio

import servicenow
import streams

AGENTS = ("alex.rep", "bea.rep")
AWAY = 10.0  # seconds at most


class Desk:
    def __init__(self, world):
        self.world = world
        self.whispers = set()
        self._talks = {}

    async def run(self):
        back_at = 0.0
        while True:
            try:
                if self.world.ledger.now() >= back_at:
                    await self._come_back()
                    back_at = self.world.ledger.now() + AWAY
                for row in await self.world.servicenow.open_chats():
                    await self._take_up(row)
            except servicenow.ControlFailed:
                pass  # it is stopped for a moment; asked again below
            await asyncio.sleep(0.4)

    async def _come_back(self):
        """Who declined, or let an offer run out because the clock stepped, is asked again only then."""
        for agent in AGENTS:
            await self.world.servicenow.must(f"/sandbox/agents/{agent}/presence", {"state": "available"})

    async def _take_up(self, row):
        number = row["number"]
        if number in self._talks:
            return
        chat = self.world.by_session.get(row["u_bridge_session_id"].split("-")[0])
        if chat is None:
            chat = await self._known_by_words(number)
        if chat is None:
            return  # said below, if nobody ever owns it
        chat.take_number(number)
        self._talks[number] = self.world.spawn(Talk(self, chat, number).run())

    async def _known_by_words(self, number):
        """A connected agent's session is not ours to know; the first words in it name the chat."""
        for row in await self.world.servicenow.pane(number):
            for chat in self.world.chats:
                if chat.kind == "copilot" and f"{chat.name}-" in row["text"]:
                    return chat
        return None


class Talk:
    """One chat at the desk, until it is over."""

    def __init__(self, desk, chat, number):
        self.desk = desk
        self.chat = chat
        self.number = number
        self.servicenow = desk.world.servicenow
        self.rng = streams.stream(desk.world.options.seed, f"{chat.name}/{chat.numbers.index(number)}/agent")
        self.said = chat.said_by_agent.setdefault(number, [])
        self.agent = None
        self._count = 0
        self._has_declined = False  # who did is not asked again, and somebody has to take it

    async def run(self):
        while True:
            try:
                await asyncio.sleep(self.rng.uniform(0.3, 2.5) if self.agent else self.rng.uniform(0.1, 0.8))
                interaction = await self.servicenow.interaction(self.number)
                if interaction["state"] in servicenow.OVER and interaction["state"] != "wrap_up":
                    return
                await self._do_something(interaction)
            except servicenow.ControlFailed:
                await asyncio.sleep(0.5)

    async def _do_something(self, interaction):
        if interaction["offered_to"]:
            return await self._accept(interaction["offered_to"])
        if interaction["state"] == "wrap_up":
            return await self._act("end", agent=self.agent)
        if not interaction["assigned_to"]:
            return None
        self.agent = interaction["assigned_to"]
        if self.chat.wants_agent_to_end or self.chat.finished and self._is_mine_to_end:
            return await self._end()
        if not self.chat.agent_may_go_on():
            return None
        what = self.rng.random()
        if what < 0.04:
            return await self._hand_on()
        if what < 0.10 and not self.desk.world.options.legacy:  # whose rule relays them
            return await self._whisper()
        if what < 0.18:
            return await self._act("typing", agent=self.agent)
        for _ in range(self.rng.randint(2, 5) if streams.share(self.rng, 0.2) else 1):
            await self._say()
        return None

    @property
    def _is_mine_to_end(self):
        # In a conversation nobody else does; on an old installation the end is but a line of text.
        return self.chat.kind == "copilot" or self.desk.world.options.legacy

    async def _act(self, action, **body):
        answer = await self.servicenow.act(self.number, action, **body)
        self.chat.note(f"agent {action}", number=self.number, status=answer.status, answer=answer.body, **body)
        return answer

    async def _accept(self, agent):
        if streams.share(self.rng, 0.05) and not self._has_declined:
            self._has_declined = True
            return await self._act("reject", agent=agent)
        if (await self._act("accept", agent=agent)).ok:
            self.agent = agent
        return None

    async def _say(self):
        self._count += 1
        label = f"{self.chat.name}-a{self.number[-4:]}.{self._count}"
        text = self.rng.choice(streams.SAME) if streams.share(self.rng, 0.3) else streams.sentence(self.rng, label)
        answer = await self._act("message", agent=self.agent, text=text)
        if answer.ok:
            self.said.append(answer.body["sys_id"])
            self.chat.said_at[answer.body["sys_id"]] = self.chat.ledger.now()

    async def _whisper(self):
        self._count += 1
        text = streams.sentence(self.rng, f"{self.chat.name}-whisper.{self._count}")
        self.desk.whispers.add(text)
        await self._act("whisper", agent=self.agent, text=text)

    async def _hand_on(self):
        colleague = next(agent for agent in AGENTS if agent != self.agent)
        to_queue = streams.share(self.rng, 0.3) and not self._has_declined
        self._has_declined = self._has_declined or to_queue
        body = {} if to_queue else {"to_agent": colleague}
        await self._act("transfer", agent=self.agent, **body)

    async def _end(self):
        if streams.share(self.rng, 0.6):
            await self._say()  # the end comes right behind the last words
        await self._act("wrap-up" if streams.share(self.rng, 0.4) else "end", agent=self.agent)
