"""The leanest client of the vendor that serves: keep-alive connections on asyncio.Protocol, answers parsed by httptools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from httptools import HttpResponseParser

_HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer bench-vendor-key\r\nContent-Length: %d\r\n\r\n"
)


class Connection(asyncio.Protocol):
    """One connection, for one exchange at a time."""

    __slots__ = ("_failure", "_parser", "_transport", "_waiter", "done", "parts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.done = True
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None

    def send(self, body: bytes) -> None:
        """Begin an exchange."""
        self._parser = HttpResponseParser(self)
        self.parts = []
        self.done = False
        self._transport.write(_HEAD % len(body) + body)

    async def more(self) -> None:
        """Wait until more has come; raises ConnectionError where nothing will."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._failure is not None:
            raise self._failure

    @property
    def usable(self) -> bool:
        """Whether another exchange may begin on it."""
        return self._failure is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._failure = exc or ConnectionError("the vendor closed the connection")
        self._wake()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        if self.parts or self.done:
            self._wake()

    def on_body(self, body: bytes) -> None:
        """Take part of a body; httptools calls it."""
        self.parts.append(body)

    def on_message_complete(self) -> None:
        """Note the end of an answer; httptools calls it."""
        self.done = True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Upstream:
    """The vendor on a port of this machine."""

    __slots__ = ("_idle", "_port")

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def unary(self, body: bytes) -> bytes:
        """Return the whole answer."""
        connection = await self._connection()
        connection.send(body)
        while not connection.done:
            await connection.more()
        self._idle.append(connection)
        return b"".join(connection.parts)

    async def stream(self, body: bytes) -> AsyncIterator[bytes]:
        """Yield the answer as it was read, all that came since at once."""
        connection = await self._connection()
        connection.send(body)
        while not connection.done or connection.parts:
            if not connection.parts:
                await connection.more()
            parts, connection.parts = connection.parts, []
            if parts:
                yield b"".join(parts)
        self._idle.append(connection)

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).usable:
                return connection
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, "127.0.0.1", self._port))[1]
