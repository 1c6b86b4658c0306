"""One connection to a vendor, and the answer that is under way on it."""

import asyncio
import random
import select
from collections.abc import Mapping
from typing import Protocol, cast

from service.errors import ApiError, Kind
from service.upstream.failure import failure
from service.upstream.http_answer import CLOSED, COMPRESSIONS, Answer
from service.upstream.http_inflate import Inflate
from service.upstream.http_limits import HttpLimits

_ONE_WRITE = 64 * 1024
"""Up to this size copying a body behind its head is cheaper than a second piece to write."""


class Home(Protocol):
    """Where a connection goes between two requests."""

    def put(self, connection: "HttpConnection", hint: str) -> None:
        """Keeps a connection for the next request.

        :param hint: the answer's `keep-alive` header.
        """
        ...

    def lost(self, connection: "HttpConnection") -> None:
        """Forgets a connection that is closed."""
        ...


class HttpConnection(asyncio.Protocol):
    """Serves one request at a time. Belongs to one event loop."""

    __slots__ = (
        "_home",
        "_life",
        "_limits",
        "_poll",
        "_response",
        "_timer",
        "_transport",
        "born",
        "loop",
        "paused",
        "round_trip",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, home: Home, limits: HttpLimits) -> None:
        self.loop = loop
        self.paused = False
        """Whether the vendor is made to wait."""
        self.born = loop.time()
        """When it was made, on the event loop's clock."""
        self.round_trip = 0.0
        """Seconds that it took to reach the vendor."""
        self._life = 1.0 - random.random() / 10  # noqa: S311  # for spreading, not for secrecy
        """The share of the greatest age at which it is too old: those made together must not end together."""
        self._home = home
        self._limits = limits
        self._transport: asyncio.Transport | None = None
        self._response: HttpResponse | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._poll = select.poll()

    @property
    def fresh(self) -> bool:
        """Whether it is open, and nothing has come that nobody asked for, nor its end, even if it was not yet read.

        A second answer to the last request would be taken for the answer to the next one, which may be of another
        caller. One that comes after the next request was sent cannot be told from it by any client of HTTP/1.1.
        """
        transport = self._transport
        return transport is not None and not transport.is_closing() and not self._poll.poll(0)

    def young(self, now: float, greatest: float) -> bool:
        """Whether it may serve further requests.

        :param greatest: age in seconds.
        """
        return now < self.born + greatest * self._life

    def start(self, head: bytes, body: bytes, vendor: str) -> "HttpResponse":
        """Writes a request. Its answer is to be waited for by `HttpResponse.head`."""
        transport = self._transport
        assert transport is not None, "connected"
        assert self._response is None, "one request at a time"
        response = self._response = HttpResponse(self, vendor, self._limits)
        if len(body) <= _ONE_WRITE:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        return response

    def resume(self, response: "HttpResponse") -> None:
        """Reads on where the vendor was made to wait for this answer's reader."""
        if self.paused and self._response is response:
            self._unpause()

    def drain(self, response: "HttpResponse") -> None:
        """Waits a while for the end of an answer that nobody reads any more."""
        if self._response is response:
            response.answer.discard()
            self._timer = self.loop.call_later(self._limits.finish, self.abort)
            self.resume(response)

    def drop(self, response: "HttpResponse") -> None:
        """Closes the connection at once if this answer is still under way."""
        if self._response is response:
            self.abort()

    def abort(self) -> None:
        """Closes the connection at once."""
        if self._transport is not None:
            self._transport.abort()
        self._end(in_order=False)

    # What the event loop calls:

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            # Nobody has asked for anything.
            self.abort()
            return
        answer = response.answer
        answer.feed(data)
        if answer.complete:
            self._release(answer)
        elif answer.problem:
            self.abort()
        elif answer.buffered > self._limits.buffer and not self.paused:
            assert self._transport is not None
            self._transport.pause_reading()
            self.paused = True
        response.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._home.lost(self)
        self._end(in_order=exc is None)
        self._transport = None

    def _release(self, answer: Answer) -> None:
        transport = self._transport
        assert transport is not None
        self._response = None
        if self._timer is not None:
            self._stop_timer()
        if self.paused:
            # An event loop may hand over what it had read before it was told to pause.
            self._unpause()
        # A vendor may answer before it has the whole request, the rest of which then stands in the next one's way.
        if answer.reusable and not transport.is_closing() and not transport.get_write_buffer_size():
            self._home.put(self, answer.headers.get("keep-alive", ""))
        else:
            transport.abort()

    def _end(self, *, in_order: bool) -> None:
        self._stop_timer()
        response, self._response = self._response, None
        if response is not None:
            response.answer.end(in_order=in_order)
            response.wake()

    def _unpause(self) -> None:
        assert self._transport is not None
        self.paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class HttpResponse:
    """One answer, whose connection is given back by itself as soon as its end has come."""

    __slots__ = ("_connection", "_inflate", "_limits", "_vendor", "_waiter", "answer", "headers", "status")

    def __init__(self, connection: HttpConnection, vendor: str, limits: HttpLimits) -> None:
        self.answer = answer = Answer(limits)
        self.status = 0
        """HTTP status, once the head has come."""
        self.headers: Mapping[str, str] = answer.headers
        """Names in lower case."""
        self._connection = connection
        self._vendor = vendor
        self._limits = limits
        self._inflate: Inflate | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def head(self) -> bool:
        """Waits for the head; false where the connection was closed before a byte came.

        ApiError (BAD_UPSTREAM) where what came is no head. Cancelling it closes the connection.
        """
        answer = self.answer
        try:
            while not answer.has_head and not answer.problem:
                waiter = self._waiter = self._connection.loop.create_future()
                await waiter
        except BaseException:
            self.close()
            raise
        if not answer.begun:
            return False
        if not answer.has_head:
            raise failure(Kind.BAD_UPSTREAM, self._vendor, unanswered(answer.problem))
        self.status = answer.status
        if (encoding := answer.headers.get("content-encoding")) and encoding.lower() in COMPRESSIONS:
            self._inflate = Inflate(self._limits.inflate)
        return True

    async def read(self) -> bytes:
        """All that has arrived since the last read, at least one byte; nothing at the end.

        ApiError (STREAM_CUT) where the connection ended before the answer did.
        """
        answer, inflate, connection = self.answer, self._inflate, self._connection
        while True:
            if inflate is not None and inflate.waiting:
                data = b""
            elif answer.buffered:
                data = answer.take()
                if connection.paused:
                    connection.resume(self)
                if inflate is None:
                    return data
            elif answer.problem:
                problem = f"{CLOSED} in the middle of its answer" if answer.problem is CLOSED else answer.problem
                raise self._cut(problem)
            elif answer.complete:
                return self._last()
            else:
                waiter = self._waiter = connection.loop.create_future()
                await waiter
                continue
            if piece := self._inflated(data):
                return piece

    def finish(self) -> None:
        """Lets the rest of the answer come, unread, so that the connection can be used again."""
        if not self.answer.complete:
            self._connection.drain(self)

    def close(self) -> None:
        """Closes the connection at once. Does nothing after the answer's end."""
        self._connection.drop(self)

    def wake(self) -> None:
        """Tells who waits for the answer that more of it has come."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _inflated(self, data: bytes) -> bytes:
        assert self._inflate is not None
        try:
            return self._inflate.feed(data)
        except ValueError:
            self.close()
            raise self._cut("broke the compression of its answer") from None

    def _last(self) -> bytes:
        if self._inflate is not None and not self._inflate.complete:
            raise self._cut("ended its compressed answer too soon")
        return b""

    def _cut(self, problem: str) -> ApiError:
        return failure(Kind.STREAM_CUT, self._vendor, problem)


def unanswered(problem: str) -> str:
    """The sentence for a problem in place of an answer's head."""
    return f"{CLOSED} before it answered" if problem is CLOSED else problem
