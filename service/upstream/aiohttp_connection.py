"""aiohttp's connection with the bounds and the strictness of the service's own.

aiohttp tells a body's reader of nothing that happens after the head, and trusts a kept connection as it is.
"""

import asyncio
import math
import random
import select
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader

from service.upstream.http_answer import BROKEN, CLOSED, LONG_FRAME, LONG_HEAD
from service.upstream.http_limits import HttpLimits
from service.upstream.http_pool import kept

_END_OF_HEAD = b"\r\n\r\n"


class HeadError(HttpProcessingError):
    """What came is no answer's head; the message says why, as a sentence without its subject."""


class BodyError(aiohttp.ClientPayloadError):
    """A body did not come to its end; the text says why, as a sentence without its subject."""


@dataclass(slots=True)
class Trust:
    """Which of a session's kept connections may be used again."""

    since: float = -math.inf
    """Those whose last answer came after this, on the event loop's clock."""
    greatest: float = math.inf
    """Those that are not older than this, in seconds."""


class StrictConnection(ResponseHandler):
    """Serves one request at a time. Belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: HttpLimits, trust: Trust) -> None:
        super().__init__(loop)
        self._limits = limits
        self._trust = trust
        self._poll = select.poll()
        self.round_trip = 0.0
        """Seconds that it took to reach the vendor."""
        self._born = loop.time()
        self._life = 1.0 - random.random() / 10  # noqa: S311  # for spreading, not for secrecy
        self._rests = self._born
        """Since when it has waited for its next request."""
        self._until = self._rests + limits.keep_alive
        """Until when it may wait."""
        self._asked = False
        """Whether a request has been sent since the last answer's end."""
        self._asked_at = 0.0
        """When, on the event loop's clock."""
        self._begun = False
        """Whether any of its answer has come."""
        self._body: StreamReader | None = None
        """The answer's body, once the head is there."""
        self._seam = b""
        """The last that came of a head, in which its end may have begun."""
        self._read: int = 0
        """How much of the body had come at the last look."""
        self._framing = 0
        """How much has come since then."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def is_connected(self) -> bool:
        """Whether a request may be sent: nothing has come that nobody asked for, nor the connection's end."""
        trust, now = self._trust, self._loop.time()
        young = now < self._born + trust.greatest * self._life
        return (
            young
            and trust.since < self._rests
            and now < self._until
            and super().is_connected()
            and not self._poll.poll(0)
        )

    def set_response_params(self, **params: Any) -> None:
        """A request is about to be sent."""
        self._asked = True
        self._asked_at = self._loop.time()
        self._begun = False
        self._body = None
        self._seam = b""
        self._read = self._framing = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Takes what came; heads apart, since aiohttp drops a head that came together with what breaks after it."""
        if data and not self._asked:
            # Nobody has asked for anything.
            self.abort()
            return
        self._begun = self._begun or bool(data)
        while data and self._body is None and self.exception() is None:
            end = self._end_of_head(data)
            self._feed(data[:end])
            data = data[end:]
        if self._body is not None or not data:
            self._feed(data)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Takes an answer's head, or an interim one's."""
        message, body = data
        if message.code >= 200 or message.code == 101:
            if self._framing > self._limits.framing:
                self._refuse(LONG_HEAD)
                return
            self._body = body
            self._framing = 0
            keep = kept(message.headers.get("keep-alive", ""), self._limits.keep_alive)
            body.on_eof(lambda: self._ended(keep))
        super().feed_data(data, size)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Tells whoever waits, for the head or for the body, what became of the answer."""
        if self._body is not None:
            self._break(BROKEN if isinstance(exc, HttpProcessingError) else f"{CLOSED} in the middle of its answer")
        elif not isinstance(exc, HttpProcessingError) and (self._begun or not self._at_once()):
            # Not to be taken for a connection that was closed before the request came.
            exc = HeadError(message=f"{CLOSED} before it answered")
        super().set_exception(exc, exc_cause or exc)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Takes note of the connection's end, which only in order is the end of a body without length."""
        if exc is not None:
            self._break(f"{CLOSED} in the middle of its answer")
        super().connection_lost(exc)

    def close(self) -> None:
        """Closes the connection at once, whatever of a request is still to be sent."""
        self.abort()

    def abort(self) -> None:
        """Closes the connection at once."""
        self._break(f"{CLOSED} in the middle of its answer")
        super().abort()

    def _feed(self, data: bytes) -> None:
        held = self._reading_paused
        self._framing += len(data)
        super().data_received(data)
        body = self._body
        if body is not None and (body.total_bytes != self._read or body.is_eof() or held):
            self._read = body.total_bytes
            self._framing = 0
        elif self._framing > self._limits.framing and self.exception() is None:
            self._refuse(LONG_FRAME if body is not None else LONG_HEAD)

    def _at_once(self) -> bool:
        return self._loop.time() - self._asked_at <= self._limits.at_once(self.round_trip)

    def _refuse(self, problem: str) -> None:
        transport = self.transport
        self._break(problem)
        self.set_exception(HeadError(message=problem))
        if transport is not None:
            transport.abort()

    def _end_of_head(self, data: bytes) -> int:
        """How much of this may belong to a head that has begun; all of it where its end is not there."""
        seen = self._seam + data
        at = seen.find(_END_OF_HEAD)
        if at < 0:
            self._seam = seen[1 - len(_END_OF_HEAD) :]
            return len(data)
        end = at + len(_END_OF_HEAD) - len(self._seam)
        self._seam = b""
        return end

    def _break(self, problem: str) -> None:
        body = self._body
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(BodyError(problem))

    def _ended(self, keep: float) -> None:
        self._asked = False
        self._rests = self._loop.time()
        self._until = self._rests + keep
