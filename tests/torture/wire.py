# SPDX-License-Identifier: MIT
"""HTTP as a page does it: whatever goes wrong is an answer with status 0, and means that nothing is known."""

import asyncio
import json
import socket

import aiohttp


class Answer:
    def __init__(self, status, body, retry_after=None):
        self.status = status
        self.body = body
        self.retry_after = retry_after

    @property
    def ok(self):
        return 200 <= self.status < 300

    @property
    def error(self):
        return self.body.get("error", "") if isinstance(self.body, dict) else ""

    @property
    def outcome(self):
        said = self.body.get("outcome") if isinstance(self.body, dict) else None
        return said or ("unknown" if self.status == 0 else "failed")

    def __repr__(self):
        return f"{self.status} {json.dumps(self.body)[:200]}"


async def call(http, method, url, body=None, headers=None, timeout=10.0):
    try:
        async with http.request(method, url, headers=headers, timeout=aiohttp.ClientTimeout(total=timeout),
                                data=None if body is None else json.dumps(body)) as response:
            raw = await response.read()
            status = response.status
            after = response.headers.get("Retry-After", "")
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError):
        return Answer(0, {})
    try:
        read = json.loads(raw) if raw else {}
    except ValueError:
        read = None
    if read is None or (status >= 500 and not (isinstance(read, dict) and "error" in read)):
        return Answer(0, {})  # something in between has answered in words of its own
    return Answer(status, read, int(after) if after.isdigit() else None)


def session():
    """One client's connections: kept alive and used again, as a browser does."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True), trust_env=False,
                                 headers={"Content-Type": "application/json"})


def cut(websocket):
    """Ends a WebSocket below it, without a goodbye."""
    sock = websocket.get_extra_info("socket")
    try:
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


async def give_up_after(seconds, awaitable):
    """The result, or None: for what may be lost."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except asyncio.TimeoutError:
        return None
