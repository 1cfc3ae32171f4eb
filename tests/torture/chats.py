# SPDX-License-Identifier: MIT
"""One person in one browser: opens a session, asks for an agent, talks, and one way or another leaves. What the
person was told of each message is kept for the checker."""

import asyncio

import readers
import streams
import wire

# Who reads. A session has one page without a cursor at most: all such pages are together one reader.
AUDIENCES = (
    (("socket",), 5), (("long_poll",), 3), (("poll",), 2), (("socket", "socket"), 4), (("socket", "long_poll"), 2),
    (("plain",), 3), (("plain_poll",), 2), (("plain", "poll"), 1), (("plain_poll", "socket"), 1),
    (("plain", "socket", "long_poll"), 1),
)

# How long somebody waits for the agent to end the chat, before they do something else.
PATIENCE = 60.0

# How long somebody who is done waits to hear what became of a message.
FOUND_OUT_WITHIN = 30.0

# How long after it was said a message may be swallowed on its way to a page.
SWALLOWED_WITHIN = 45.0


class Send:
    """A message of a person's, and what they have been told of it."""

    def __init__(self, text, message_id, chat_number, opening=False):
        self.text = text
        self.id = message_id
        self.chat_number = chat_number
        self.opening = opening
        self.told = "unheard"  # delivered, failed, unknown; unheard: no answer ever came
        self.anywhere = False  # its place among the others is not promised: it was unclear, or said again later
        self.receipt = None  # the last one in the session's log

    def hear(self, told):
        self.told = told
        if told in ("unknown", "unheard"):
            self.anywhere = True


class Chat:
    """What kinds of chats have in common, for desk and checker."""

    def __init__(self, world, name):
        self.world = world
        self.ledger = world.ledger
        self.name = name
        self.rng = streams.stream(world.options.seed, name)
        self.sends = []
        self.numbers = []  # interactions, in order
        self.said_at = {}  # sys_id -> when the agent said it
        self.said_by_agent = {}  # number -> sys_ids of rows that the desk was told are there
        self.wants_agent_to_end = False
        self.typing_seen = 0
        self.finished = False  # nothing more will be said
        self.unknown_since = None  # when it was first seen, at the end, that an outcome is unknown
        self.settled = False
        self.missing = "it was not looked at"
        self.problem = None
        self.readers = []
        self._count = 0

    def note(self, what, **facts):
        return self.ledger.note(self.name, what, **facts)

    def new_text(self):
        self._count += 1
        if streams.share(self.rng, 0.3):
            return self.rng.choice(streams.SAME)
        return streams.sentence(self.rng, f"{self.name}-u{self._count}")

    def take_number(self, number):
        if number and number not in self.numbers:
            self.numbers.append(number)
            self.note("has", number=number)

    def agent_may_go_on(self):
        return not self.finished

    def may_be_swallowed(self, sys_id):
        """Whether a page without a cursor may have missed it in a way that nobody can know of: our proxy took the answer to
        its poll, as far as the bridge's TCP could tell, and let nobody have it."""
        said = self.said_at.get(sys_id)
        first, last = (0, self.ledger.now()) if said is None else (said - 1, said + SWALLOWED_WITHIN)
        return any(kind.startswith(("silence", "half open")) for kind in self.ledger.marks_between(first, last, ("browser",)))

    async def still_open(self):
        for number in self.numbers:
            interaction = await self.world.servicenow.interaction(number)
            if interaction["state"] not in ("closed_complete", "closed_abandoned", "faulted"):
                return f"{number} is {interaction['state']}"
        return None

    async def stop_reading(self):
        for reader in self.readers:
            await reader.stop()


class WebChat(Chat):
    kind = "web"

    def __init__(self, world, name):
        super().__init__(world, name)
        self.session_id = self.token = ""
        self.gives_ids = streams.share(self.rng, 0.65)
        self.left = False
        self.over = asyncio.Event()
        self._round = 1
        self._logged = {}
        self._http = wire.session()

    # ---- The life of a chat ---------------------------------------------------------------------

    async def run(self):
        if not await self._open():
            return
        self._start_readers()
        rounds = 2 if streams.share(self.rng, 0.2) else 1
        for number in range(1, rounds + 1):
            self._round = number
            self.over.clear()
            if not await self._escalate(number):
                await self._finish("user")  # whatever may have been opened all the same
                break
            # Old scripts do not say that a chat has ended: then it is still the one before.
            await self._talk(len(self.numbers) if self.world.options.legacy else number)
            how = self.rng.choice(("user", "user", "agent", "agent", "left" if number == rounds else "agent"))
            await self._finish(how)
            if self.left or self.wants_agent_to_end:
                break
        self.finished = True

    async def stop(self):
        await self.stop_reading()
        await self._http.close()

    async def _post(self, path, body, timeout=10.0):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else None
        url = f"{self.world.browser_url}/api/servicenow/{path}"
        return await wire.call(self._http, "POST", url, body, headers, timeout)

    async def _insist(self, path, body, patience, timeout=10.0):
        """Says it again until it is answered with success, or the patience is at its end."""
        until = self.ledger.now() + patience
        while True:
            answer = await self._post(path, body, timeout)
            if answer.ok or answer.status == 404 or self.ledger.now() > until:
                return answer
            await asyncio.sleep(self.rng.uniform(0.2, 1.0))

    async def _open(self):
        answer = await self._insist("init-session", {"user_display_name": self.name}, 120)
        if not answer.ok:
            self.problem = f"no session: {answer}"
            return False
        self.session_id = answer.body["session_id"]
        self.token = answer.body.get("session_token", "")
        self.world.by_session[self.session_id] = self
        self.note("session", id=self.session_id)
        return True

    def _start_readers(self):
        kinds, weights = zip(*AUDIENCES)
        audience = self.world.options.audience or self.rng.choices(kinds, weights)[0]
        if not self.world.has_cursors:
            audience = self.rng.choice((("plain",), ("plain_poll",)))
        for index, way in enumerate(audience):
            name = f"{self.name}/{way}-{index}"
            rng = streams.stream(self.world.options.seed, name)
            if way.startswith("plain"):
                made = readers.PlainPage(self, name, rng, has_sockets=way == "plain")
            else:
                made = readers.CursorReader(self, name, rng, way)
            self.readers.append(made)
            made.start()
        self.note("readers", ways=audience)

    async def _escalate(self, number):
        body = {"session_id": self.session_id, "user_display_name": self.name}
        send = None
        if streams.share(self.rng, 0.8):
            text = self.new_text()
            key = self.session_id if number == 1 else f"{self.session_id}-{number}"
            send = Send(text, f"open-{key}", number, opening=True)
            body["opening_message"] = text
        self.note("escalates", opening=body.get("opening_message"))
        answer = await self._insist("escalate", body, 90, timeout=self.world.limits["open"] + 4)
        self.note("escalated", status=answer.status, body=answer.body)
        if send:
            # What became of the opening message is said by its receipt alone.
            self.sends.append(send)
        if answer.ok and answer.body.get("session_id", self.session_id) != self.session_id:
            self.problem = "the bridge has forgotten the session, and made another one"
            return False
        if answer.ok:
            self.take_number(answer.body.get("interaction_number"))
        return answer.ok

    async def _talk(self, number):
        for _ in range(self.rng.randint(3, 12)):
            if self.over.is_set() or self.world.is_ending:
                return
            burst = self.rng.randint(2, 4) if streams.share(self.rng, 0.2) else 1
            tasks = [await self._say(number) for _ in range(burst) if not self.over.is_set()]
            await asyncio.gather(*tasks)
            if streams.share(self.rng, 0.2):
                await self._post("typing", {"session_id": self.session_id})
            await wire.give_up_after(self.rng.uniform(0.3, 3.0), self.over.wait())

    async def _say(self, number):
        """Like the page's outbox: the next message goes when this one is answered, or stands in the log."""
        self._count += 1
        send = Send(self.new_text(), f"{self.name}.{self._count}" if self.gives_ids else None, number)
        self.sends.append(send)
        entered = self._logged.setdefault(send.id, asyncio.Event()) if send.id else asyncio.Event()
        task = self.world.spawn(self._deliver(send))
        waiting = self.world.spawn(entered.wait())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return task

    async def _deliver(self, send, again=True):
        body = {"session_id": self.session_id, "text": send.text}
        if send.id:
            body["client_message_id"] = send.id
        until = self.ledger.now() + 20
        while True:
            self.note("says", text=send.text, id=send.id)
            answer = await self._post("user-message", body, self.world.limits["send"] + 4)
            self.note("heard", text=send.text, id=send.id, status=answer.status, body=answer.body)
            if answer.ok or answer.status not in (0, 429, 503) or not send.id or self.ledger.now() > until:
                break
            await asyncio.sleep(self.rng.uniform(0.2, 0.8))
        if answer.ok:
            send.hear("delivered")
            self.world.through("user")
        elif answer.status == 0:
            send.hear("unheard")
        else:
            send.hear("unknown" if answer.outcome == "unknown" else "failed")
        if answer.error in ("session closed", "no live chat", "unknown session"):
            self.over.set()
        elif send.told in ("failed", "unknown") and send.id and again and streams.share(self.rng, 0.4):
            send.anywhere = True  # it was said again later
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))
            await self._deliver(send, again=False)

    async def _finish(self, how):
        self.note("ends", how=how)
        if how == "user":
            answer = await self._insist("end", {"session_id": self.session_id}, 90)
            self.note("ended", status=answer.status, body=answer.body)
        elif how == "agent":
            self.wants_agent_to_end = True  # and stays so, if that is not heard of in time
            tells = not self.world.options.legacy  # of an end
            await wire.give_up_after(PATIENCE if tells else 4, self.over.wait())
            self.wants_agent_to_end = tells and not self.over.is_set()
        else:
            self.left = True
            for reader in self.readers:
                await reader.leave()

    # ---- What readers tell ----------------------------------------------------------------------

    def on_frame(self, reader, frame):
        if frame.get("type") == "message" and frame.get("from") == "user":
            event = self._logged.get(frame.get("client_message_id"))
            if event:
                event.set()
        if frame.get("type") == "status":
            self.take_number(frame.get("interaction_number"))
            if frame.get("state") == "closed" and reader.chats_ended() >= self._round:
                self.over.set()

    # ---- Afterwards -----------------------------------------------------------------------------

    async def read_log(self):
        """The whole session as the bridge has it: one more reader from the beginning, past all faults."""
        if not self.world.has_cursors:
            return []
        url = f"{self.world.direct_url}/api/servicenow/poll/{self.session_id}?after=0:0"
        answer = await wire.call(self._http, "GET", url, headers={"Authorization": f"Bearer {self.token}"}, timeout=10)
        if answer.status == 404:
            self.problem = "the session is unknown to the bridge"
        return answer.body["events"] if answer.ok else None

    def take_receipts(self, log):
        receipts = receipts_of(log)
        troubled = {frame["client_message_id"] for frame in log
                    if frame.get("type") == "receipt" and frame["status"] != "delivered"}
        for send in self.sends:
            send.receipt = receipts.get(send.id, send.receipt)
            # Whoever asked on and on, and was not answered: it failed on the way, and was sent again.
            send.anywhere = send.anywhere or send.id in troubled

    def being_found_out(self, receipts):
        """A message of unknown outcome mostly has another receipt coming: nobody stops reading before that."""
        unknown = [message_id for message_id, status in receipts.items() if status == "unknown"]
        if not unknown:
            return None
        self.unknown_since = self.unknown_since or self.ledger.now()
        return f"{unknown[0]} is being found out" if self.ledger.now() - self.unknown_since < FOUND_OUT_WITHIN else None

    async def unsettled(self):
        """What is still missing, in a word; None if all that was acknowledged has been seen."""
        # First: to read the log of a chat that was left would keep it from being given up.
        if any(reader.lost_session for reader in self.readers):
            self.problem = "the session is unknown to the bridge"
            return self.problem
        old_rules = bool(self.world.options.legacy)  # they do not tell of an end
        if still := await self.still_open():
            return still
        log = await self.read_log()
        if self.problem:
            return self.problem
        if log is None:
            return "the bridge does not answer"
        self.take_receipts(log)
        receipts = receipts_of(log)
        pending = [frame.get("client_message_id") for frame in log if frame.get("type") == "message" and
                   frame.get("from") == "user" and frame.get("client_message_id") not in receipts]
        if pending:
            return f"no receipt for {pending[0]}"
        if (found_out := self.being_found_out(receipts)) and not old_rules:
            return found_out
        states = [frame["state"] for frame in log if frame.get("type") == "status"]
        if log and self.numbers and states[-1:] != ["closed"] and not old_rules:
            return f"the state is {states[-1:]}"
        wanted = [row["sys_id"] for number in self.numbers for row in public_rows(await self.world.servicenow.pane(number))
                  if not old_rules or row["sys_id"] in self.world.webhooks_told]
        for reader in self.readers:
            if reader.left:
                continue
            seen = {frame.get("id") for frame in reader.messages()}
            missing = [sys_id for sys_id in wanted
                       if sys_id not in seen and (reader.has_cursor or not self.may_be_swallowed(sys_id))]
            if missing:
                return f"{reader.name} has not shown {missing[0]}"
            if reader.has_cursor and log and len(reader.frames) < len(log):
                return f"{reader.name} is behind"
            if reader.state != "closed" and self.numbers and not old_rules:
                return f"{reader.name} is {reader.state}"
        return None


def receipts_of(log):
    return {frame["client_message_id"]: frame["status"] for frame in log if frame.get("type") == "receipt"}


def public_rows(pane):
    """What the customer is to see of a pane: the agent's and the queue's words, never what agents say to each other."""
    return [row for row in pane if row["from"] != "user" and not row["internal"]]
