# SPDX-License-Identifier: MIT
"""Who reads a session, and what stands on their screens. Readers with a cursor behave as web/handoff_reader.mjs
does, only with less patience; pages of the old kind know nothing and show whatever comes."""

import asyncio
import json

import aiohttp

import streams
import wire

START = "0:0"
POLL_PATIENCE = 5.0  # seconds beyond what the bridge was asked to wait
NO_SUCH_SESSION = 4404
NOT_YOURS = 4401
FINAL = (NO_SUCH_SESSION, NOT_YOURS)


class Gap(Exception):
    """A frame does not follow the one before it."""


def split(cursor):
    epoch, _, seq = cursor.partition(":")
    return epoch, int(seq)


class Reader:
    """Base: a loop that never ends by itself. `shown` is the screen: frames in the order in which they appeared."""

    has_cursor = False

    def __init__(self, chat, name, rng):
        self.chat = chat
        self.name = name
        self.rng = rng
        self.shown = []
        self.told_of_a_hole = []
        self.lost_session = False
        self.left = False
        self.state = "bot"
        self.reconnects = 0
        self._task = None
        self._http = None

    def start(self):
        self._http = wire.session()
        self._task = asyncio.ensure_future(self._run())

    async def stop(self):
        if self._task is not None:
            # Once may not be enough: a time limit that ends at the same moment takes the cancellation for its own.
            while not self._task.done():
                self._task.cancel()
                await asyncio.wait((self._task,), timeout=1)
            await self._http.close()
            self._task = None

    async def leave(self):
        """Closes the page: what comes from now on is not shown, and need not be."""
        self.left = True
        await self.stop()

    def messages(self):
        return [frame for frame in self.shown if frame.get("type") == "message" and frame.get("from") != "user"]

    def chats_ended(self):
        """How many ends are on this screen. To a page without a cursor one may come twice."""
        ends = [frame for frame in self.shown if frame.get("type") == "status" and frame.get("state") == "closed"]
        return len({frame.get("seq", at) for at, frame in enumerate(ends)})

    def _show(self, frame):
        frame = {**frame, "t": round(self.chat.ledger.now(), 3)}
        self.shown.append(frame)
        if frame.get("type") == "status":
            self.state = frame.get("state", self.state)
        if frame.get("type") == "message" and frame.get("from") == "rep":
            self.chat.world.through("agent")
        self.chat.on_frame(self, frame)

    def _headers(self):
        return {"Authorization": f"Bearer {self.chat.token}"} if self.chat.token else {}

    def _socket_url(self, query):
        return f"{self.chat.world.browser_url}/ws/intranet/{self.chat.session_id}{query}"

    def _protocols(self):
        return ("handoff.v1", f"token.{self.chat.token}") if self.chat.token else ()

    async def _open_socket(self, query):
        """None if it cannot be had; pages give up waiting for it after a while."""
        opening = self._http.ws_connect(self._socket_url(query), protocols=self._protocols(), autoclose=True,
                                        max_msg_size=1 << 22, headers={"Origin": self.chat.world.browser_url})
        try:
            return await wire.give_up_after(4, opening)
        except (aiohttp.ClientError, OSError):
            return None

    async def _poll_for(self, query, wait):
        url = f"{self.chat.world.browser_url}/api/servicenow/poll/{self.chat.session_id}{query}"
        answer = await wire.call(self._http, "GET", url, headers=self._headers(), timeout=wait + POLL_PATIENCE)
        if answer.status == 404:
            self.lost_session = True
        return answer if answer.ok else None

    async def _pause(self, attempt):
        most = min(3.0, 0.2 * 2 ** min(attempt, 6))
        await asyncio.sleep(most / 2 + self.rng.random() * most / 2)


class CursorReader(Reader):
    has_cursor = True

    def __init__(self, chat, name, rng, way):
        super().__init__(chat, name, rng)
        self.way = way  # "socket", "long_poll" or "poll"
        self.cursor = START
        self.frames = {}  # seq -> frame, as shown

    async def _run(self):
        attempt = 0
        while True:
            if streams.share(self.rng, 0.02):
                await asyncio.sleep(self.rng.uniform(2, 8))  # the laptop sleeps
            went_well = await self._read()
            attempt = 0 if went_well else attempt + 1
            if not went_well or self.way == "socket":
                self.reconnects += 1
                await self._pause(attempt)

    async def _read(self):
        if self.way == "long_poll":
            return await self._poll(6)
        if self.way == "poll":
            done = await self._poll(0)
            await asyncio.sleep(self.rng.uniform(0.4, 1.5))
            return done
        return await self._poll(0) and await self._read_socket()

    async def _poll(self, wait):
        answer = await self._poll_for(f"?after={self.cursor}" + (f"&wait={wait}" if wait else ""), wait)
        if answer is None:
            return False
        for frame in answer.body.get("events", []):
            try:
                self._take(frame)
            except Gap:
                # The bridge says that this is all there is.
                self.told_of_a_hole.append({"t": self.chat.ledger.now(), "gap_before": frame})
                self.cursor = f"{split(self.cursor)[0]}:{frame['seq'] - 1}"
                self._take(frame)
        if not answer.body.get("recovered", True):
            self.told_of_a_hole.append({"t": self.chat.ledger.now(), "recovered": False, "cursor": answer.body.get("cursor")})
        cursor = answer.body.get("cursor", "")
        if cursor and split(cursor)[1] >= split(self.cursor)[1]:
            self.cursor = cursor
        return True

    async def _read_socket(self):
        socket = await self._open_socket(f"?after={self.cursor}")
        if socket is None:
            return False
        check = asyncio.ensure_future(self._check(socket))
        wakes_until = self.chat.ledger.now() + self.rng.expovariate(1 / 40)
        try:
            while True:
                left = wakes_until - self.chat.ledger.now()
                message = await wire.give_up_after(max(left, 0.01), socket.receive())
                if message is None:  # this page is cut off, without a goodbye
                    wire.cut(socket)
                    self.chat.ledger.mark("page cut itself", "browser")
                    return True
                if message.type != aiohttp.WSMsgType.TEXT:
                    if socket.close_code in FINAL:
                        self.lost_session = True
                    return True
                self._take(json.loads(message.data))
        except (Gap, ConnectionError):  # or lost while a ping was being answered
            return True
        finally:
            check.cancel()
            await wire.give_up_after(1, socket.close())

    async def _check(self, socket):
        """A page is not told that its peer has gone. Asking by another way shows it."""
        while True:
            await asyncio.sleep(5)
            answer = await self._poll_for(f"?after={self.cursor}", 0)
            newest = max((frame.get("seq", 0) for frame in answer.body.get("events", [])), default=0) if answer else None
            if newest == 0:
                continue
            await asyncio.sleep(1)
            if newest is None or split(self.cursor)[1] < newest:
                return wire.cut(socket)

    def _take(self, frame):
        if frame.get("type") == "resync":
            return self._resync(frame)
        seq = frame.get("seq")
        if seq is None:
            if frame.get("type") == "typing":
                self.chat.typing_seen += 1
            return None
        epoch, at = split(self.cursor)
        if seq <= at:
            return None
        if seq != at + 1:
            raise Gap()
        self.cursor = f"{epoch}:{seq}"
        self.frames[seq] = frame
        self._show(frame)
        return None

    def _resync(self, frame):
        self.told_of_a_hole.append({"t": self.chat.ledger.now(), "resync": frame})
        self.cursor = frame["cursor"]


class PlainPage(Reader):
    """A page of the old kind: a socket or two, a poll beside them, and one list that takes whatever comes."""

    def __init__(self, chat, name, rng, has_sockets):
        super().__init__(chat, name, rng)
        self.has_sockets = has_sockets
        self._socket_tasks = set()

    async def _run(self):
        try:
            while True:
                if self.has_sockets and (not self._socket_tasks or streams.share(self.rng, 0.03)):
                    self._read_aside()  # sometimes a second one, and the first is forgotten
                await asyncio.sleep(self.rng.uniform(0.8, 2.0))
                asked = self.chat.ledger.now()
                answer = await self._poll_for("", 0)
                if answer is None and self.chat.ledger.now() - asked >= POLL_PATIENCE:
                    self.chat.note("gives up", reader=self.name)  # the answer may have been on its way
                for frame in answer.body.get("events", []) if answer else []:
                    self._take(frame)
                if answer:
                    self.state = answer.body.get("state", self.state)
        finally:
            for task in self._socket_tasks:
                task.cancel()
            await asyncio.gather(*self._socket_tasks, return_exceptions=True)  # or until cancelled once more

    def _read_aside(self):
        task = asyncio.ensure_future(self._read_socket())
        self._socket_tasks.add(task)
        task.add_done_callback(self._socket_tasks.discard)

    async def _read_socket(self):
        self.reconnects += 1
        socket = await self._open_socket("")
        if socket is None:
            return
        try:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
        except ConnectionError:
            pass  # lost while a ping was being answered
        finally:
            await wire.give_up_after(1, socket.close())

    def _take(self, frame):
        if frame.get("type") == "typing":
            self.chat.typing_seen += 1
        elif frame.get("type") in ("message", "status"):
            self._show(frame)
