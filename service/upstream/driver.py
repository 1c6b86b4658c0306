"""Carries one request to a vendor and its answer back, for every dialect, within its deadlines."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import HttpCall, Target, VersionNeededError
from service.backends.generated import is_generated
from service.backends.run import Last, Piece
from service.errors import ApiError, Kind, Upstream
from service.upstream.authentication import Authenticator
from service.upstream.transport import Response, Transport
from service.upstream.versions import Versions
from service.upstream.watch import Watch
from service.waiting import Waiting

_ERROR_LIMIT = 1024 * 1024
"""Most bytes that are read of an error's body."""
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Driver:
    """Holds no state of a request, so that any number of them may run at once."""

    transport: Transport
    authenticator: Authenticator = field(default_factory=Authenticator)
    versions: Versions = field(default_factory=Versions)

    async def run(
        self,
        request: CompletionRequest,
        target: Target,
        *,
        stream: bool,
        request_id: str,
        deadline: float,
        headers: Mapping[str, str] = _NO_HEADERS,
        waiting: Waiting | None = None,
    ) -> AsyncGenerator[list[Piece], None]:
        """The answer, in the batches in which it arrives. To be closed by the caller (contextlib.aclosing).

        Raises ApiError. Closing or cancelling it, in whatever phase, closes the vendor's connection.

        :param deadline: when the request's total time is over, on the event loop's clock.
        :param headers: what the vendor is told of the request besides.
        :param waiting: takes note of the time that the vendor takes to begin its answer.
        """
        waiting = waiting or Waiting()
        loop = asyncio.get_running_loop()
        clock = _Clock(target, loop, deadline)
        with Watch(loop) as watch:
            try:
                try:
                    call = target.dialect.encode(request, target, stream=stream)
                except VersionNeededError as needed:
                    learning = self.versions.learn(needed.question, target, self._send)
                    target = await watch.wait(learning, clock.first_token)
                    call = target.dialect.encode(request, target, stream=stream)
                call.headers.setdefault("x-request-id", request_id)
                call.headers.update(headers)
                call.deadline = deadline
                with waiting:
                    response = await watch.wait(self._send(call, target), clock.first_token)
            except TimeoutError:
                raise clock.expired() from None
            try:
                if response.status != 200:
                    raise await self._refusal(response, target, clock)
                content_type = response.headers.get("content-type", "").lower()
                decoder = target.dialect.decoder(request, target, stream=stream, content_type=content_type)
                done = False
                while not done:
                    try:
                        if clock.started:
                            data = await watch.wait(response.read(), clock.next())
                        else:
                            with waiting:
                                data = await watch.wait(response.read(), clock.next())
                    except TimeoutError:
                        raise clock.expired() from None
                    if not data:
                        break
                    batch = decoder.feed(data)
                    done = decoder.done
                    if batch:
                        clock.saw(batch)
                        yield Last(batch) if done else batch
                while batch := decoder.close():
                    yield batch
            except BaseException:
                response.close()
                raise
            response.finish()

    async def _send(self, call: HttpCall, target: Target) -> Response:
        await self.authenticator.authenticate(call, target, self.transport.send)
        return await self.transport.send(call, target)

    async def _refusal(self, response: Response, target: Target, clock: "_Clock") -> ApiError:
        body = bytearray()
        try:
            async with asyncio.timeout_at(clock.first_token):
                while len(body) < _ERROR_LIMIT and (data := await response.read()):
                    body += data
        except (TimeoutError, ApiError):
            # The status says enough; the vendor's words are lost with its connection.
            body.clear()
        return target.dialect.error(target, response.status, response.headers, bytes(body))


class _Clock:
    """The deadlines of one request, and which of them is over."""

    __slots__ = ("_loop", "_target", "first_token", "reading", "started", "total")

    def __init__(self, target: Target, loop: asyncio.AbstractEventLoop, total: float) -> None:
        self._loop = loop
        self._target = target
        self.started = False
        """Whether something generated has come."""
        self.total = total
        self.first_token = min(total, loop.time() + target.timeouts.first_token)
        self.reading = self.first_token

    def next(self) -> float:
        """When the next read must have ended."""
        if self.started:
            self.reading = min(self.total, self._loop.time() + self._target.timeouts.between_chunks)
        return self.reading

    def saw(self, batch: list[Piece]) -> None:
        """Takes note of what arrived: only something generated is a first token, not a role or a ping."""
        if not self.started:
            self.started = any(is_generated(chunk) for chunk in batch)

    def expired(self) -> ApiError:
        """The error for the deadline that is over."""
        timeouts = self._target.timeouts
        if self.reading >= self.total:
            kind, problem = Kind.TOTAL_TIMEOUT, "the answer was not complete within the request's time limit"
        elif self.started:
            kind, problem = Kind.IDLE_TIMEOUT, f"nothing came for {timeouts.between_chunks:g} s in mid-answer"
        else:
            kind, problem = Kind.FIRST_TOKEN_TIMEOUT, f"nothing was generated within {timeouts.first_token:g} s"
        return ApiError(kind, f"{self._target.vendor}: {problem}", upstream=Upstream(self._target.vendor))
