"""Writes one answer as server-sent events, and keeps the connection alive while a vendor is silent."""

import asyncio
import math
from dataclasses import dataclass
from typing import Self

from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext

from service.faces import http_body
from service.pipeline.report import Report

CONTENT_TYPE = "text/event-stream; charset=utf-8"
_PING = b": keep-alive\n\n"

_message = http_body.writer(CONTENT_TYPE)


@dataclass(frozen=True, slots=True)
class Framing:
    """How a family of clients wants to be told that a stream is over."""

    done: bytes
    error: bytes
    """What stands before the JSON of an error."""


_PLAIN = Framing(b"data: [DONE]\n\n", b"data: ")
_NAMED_DONE = b"event: done\ndata: [DONE]\n\n"
_FRAMINGS = {
    # These clients parse the data of every event without a name as JSON, and skip names that they do not know.
    "/v4/beta/chat/completions": Framing(_NAMED_DONE, b"event: error\ndata: "),
    # These do the same, and would skip an error that had a name, so that a broken stream looked complete.
    "/v5/chat/completions": Framing(_NAMED_DONE, b"data: "),
}
"""By path; all others want what OpenAI sends."""


def framing_of(path: str) -> Framing:
    """The framing for the clients that use a path."""
    return _FRAMINGS.get(path, _PLAIN)


class EventStream:
    """One answer being written; never reused. Used as a context manager, so that its timer ends with it.

    A comment goes out after each `interval` seconds of silence, so that nothing on the way takes the connection for
    dead. From the first byte on, the status is 200, and a failure is told by an event.
    """

    def __init__(self, context: ServicerContext[HttpBody, bytes], report: Report, interval: float) -> None:
        self.begun = False
        """Whether anything went out, so that the status can no longer be changed."""
        self._context = context
        self._report = report
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._ping: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(interval, self._tick)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()

    async def write(self, data: bytes) -> None:
        """Writes whole events."""
        if self._ping is not None:
            await self._finish(self._ping)
        if not self.begun:
            await self._begin()
        self._last = math.inf
        await self._context.write(_message(data))
        self._last = self._loop.time()

    async def last(self, data: bytes) -> bytes:
        """The message with the last events, which the face returns."""
        if self._ping is not None:
            await self._finish(self._ping)
        if not self.begun:
            await self._begin()
        return _message(data)

    async def _finish(self, ping: asyncio.Task[None]) -> None:
        # One message may be under way at a time.
        await ping
        self._ping = None

    async def _begin(self) -> None:
        self.begun = True
        if headers := self._report.headers():
            await self._context.send_initial_metadata(headers)

    async def _write_ping(self) -> None:
        if not self.begun:
            await self._begin()
        self._last = math.inf
        await self._context.write(_message(_PING))
        self._last = self._loop.time()

    def _tick(self) -> None:
        silent = self._loop.time() - self._last
        if silent >= self._interval:
            self._report.keep_alives += 1
            self._ping = self._loop.create_task(self._write_ping())
            silent = 0.0
        self._timer = self._loop.call_later(self._interval - max(silent, 0.0), self._tick)
