# SPDX-License-Identifier: MIT
"""One leg of the network, as a proxy that can be told to fail: it resets connections, swallows what passes
without a word, is half open or slow, or refuses to be connected to. A connection that has been struck by
silence stays silent for ever, as one does whose way has gone."""

import asyncio
import socket
import struct

BOTH = frozenset(("up", "down"))
RESET = struct.pack("ii", 1, 0)


def _abort(writer):
    """Ends a connection with RST."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except OSError:
            pass
    writer.transport.abort()


class Connection:
    def __init__(self, leg, reader, writer):
        self.leg = leg
        self.swallows = frozenset()
        self._near = (reader, writer)
        self._far = None
        self._pumps = []

    async def run(self):
        self.swallows = self.leg.swallows
        try:
            if self.swallows != BOTH:
                self._far = await asyncio.open_connection("127.0.0.1", self.leg.target)
        except OSError:
            return self.reset()
        near, far = self._near, self._far
        if far is None:  # the other side never hears of it
            await self._pump("up", near[0], None)
            return _abort(near[1])
        self._pumps = [asyncio.ensure_future(self._pump("up", near[0], far[1])),
                       asyncio.ensure_future(self._pump("down", far[0], near[1]))]
        try:
            await asyncio.gather(*self._pumps)
        finally:
            for pump in self._pumps:
                pump.cancel()
            self.reset()

    async def _pump(self, direction, reader, writer):
        try:
            while data := await reader.read(65536):
                if self.leg.delay:
                    await asyncio.sleep(self.leg.delay)
                if direction in self.swallows:
                    continue
                writer.write(data)
                await writer.drain()
            if direction in self.swallows:
                await asyncio.sleep(self.leg.patience)  # nor does the end of it get through
            elif writer.can_write_eof():
                writer.write_eof()
        except OSError:
            if direction not in self.swallows:
                self.reset()

    def reset(self):
        for side in (self._near, self._far):
            if side is not None:
                _abort(side[1])


class Leg:
    patience = 120.0  # how long the far end of a dead connection is left in the dark

    def __init__(self, name):
        self.name = name
        self.target = 0  # a port
        self.port = 0
        self.delay = 0.0
        self.swallows = frozenset()
        self._open = set()
        self._tasks = set()
        self._holder = None
        self._server = None

    async def start(self):
        # Bound and never listening, it keeps the port ours while nobody listens, so that callers are refused.
        self._holder = self._bind(0)
        self.port = self._holder.getsockname()[1]
        await self.accept()

    @staticmethod
    def _bind(port):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        return sock

    async def accept(self):
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=self._bind(self.port), backlog=256)

    def refuse(self):
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader, writer):
        connection = Connection(self, reader, writer)
        self._open.add(connection)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await connection.run()
        except asyncio.CancelledError:
            connection.reset()
        finally:
            self._open.discard(connection)
            self._tasks.discard(task)

    def reset(self, chosen=lambda: True):
        struck = [connection for connection in self._open if chosen()]
        for connection in struck:
            connection.reset()
        return len(struck)

    def swallow(self, directions=BOTH):
        """From now on until `heal` for new connections; those that are open stay so for good."""
        self.swallows = frozenset(directions)
        for connection in self._open:
            connection.swallows = connection.swallows | self.swallows

    def heal(self):
        self.swallows = frozenset()
        self.delay = 0.0

    async def stop(self):
        self.refuse()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._holder is not None:
            self._holder.close()


class PacketFilter:
    """Drops packets of whole programs inside a network namespace of our own. Unlike the proxy's silence this one
    is known to TCP: what was sent meanwhile is sent again afterwards, and arrives late."""

    TABLE = "torture"

    def __init__(self):
        self.works = False

    async def start(self):
        script = f"add table inet {self.TABLE}; add chain inet {self.TABLE} gone {{ type filter hook input priority 0; }}"
        self.works = await self._nft(script)

    async def drop(self, port):
        rule = f"add rule inet {self.TABLE} gone tcp"
        return await self._nft(f"{rule} dport {port} drop; {rule} sport {port} drop")

    async def pass_all(self):
        return await self._nft(f"flush chain inet {self.TABLE} gone")

    @staticmethod
    async def _nft(script):
        try:
            nft = await asyncio.create_subprocess_exec("nft", script, stdin=asyncio.subprocess.DEVNULL,
                                                       stdout=asyncio.subprocess.DEVNULL,
                                                       stderr=asyncio.subprocess.DEVNULL)
        except OSError:
            return False
        return await nft.wait() == 0
