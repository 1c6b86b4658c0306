"""One request to a vendor and its answer, for every dialect, within its deadlines."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Decoder, HttpCall, Target, VersionNeededError
from service.backends.generated import is_generated
from service.backends.run import Last, Piece
from service.errors import ApiError
from service.upstream.clock import Clock
from service.upstream.transport import Response
from service.upstream.versions import Versions
from service.upstream.watch import Watch
from service.waiting import Waiting

_ERROR_LIMIT = 1024 * 1024
"""Most bytes that are read of an error's body."""

Send = Callable[[HttpCall, Target], Awaitable[Response]]


class VendorAnswer:
    """The batches in which the answer arrives (service.backends.batches.Batches). The first makes the request go out.

    Closing or cancelling it, in whatever phase, closes the vendor's connection. Never reused.

    :param send: sends a call, and waits for the answer's head.
    :param deadline: when the request's total time is over, on the event loop's clock.
    :param headers: what the vendor is told besides what the dialect tells it.
    :param waiting: takes note of the time that the vendor takes to begin its answer.
    :param on_resend: told before the request goes out once more because the vendor was closing the connection.
    """

    __slots__ = (
        "_clock",
        "_decoder",
        "_headers",
        "_on_resend",
        "_over",
        "_read_all",
        "_request",
        "_request_id",
        "_response",
        "_send",
        "_stream",
        "_target",
        "_versions",
        "_waiting",
        "_watch",
    )

    def __init__(
        self,
        send: Send,
        versions: Versions,
        request: CompletionRequest,
        target: Target,
        *,
        stream: bool,
        request_id: str,
        deadline: float,
        headers: Mapping[str, str],
        waiting: Waiting,
        on_resend: Callable[[], None] | None = None,
    ) -> None:
        self._send = send
        self._versions = versions
        self._request = request
        self._target = target
        self._stream = stream
        self._request_id = request_id
        self._headers = headers
        self._waiting = waiting
        self._on_resend = on_resend
        loop = asyncio.get_running_loop()
        self._clock = Clock(target, loop, deadline)
        self._watch = Watch(loop)
        self._response: Response | None = None
        self._decoder: Decoder | None = None
        self._read_all = False
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Piece]:
        if self._over:
            raise StopAsyncIteration
        try:
            decoder = self._decoder or await self._ask()
            while not self._read_all:
                if self._clock.started:
                    data = await self._read()
                else:
                    with self._waiting:
                        data = await self._read()
                if not data:
                    self._read_all = True
                    break
                batch = decoder.feed(data)
                self._read_all = decoder.done
                if batch:
                    clock = self._clock
                    clock.started = clock.started or any(map(is_generated, batch))
                    return Last(batch) if self._read_all else batch
            batch = decoder.close()
        except BaseException:
            self._give_up()
            raise
        if batch:
            return batch
        self._end()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Closes the connection, unless the answer has ended."""
        if not self._over:
            self._give_up()

    async def _ask(self) -> Decoder:
        """Sends the request, and waits for the head of a good answer. Raises ApiError."""
        request, target, watch, clock = self._request, self._target, self._watch, self._clock
        try:
            try:
                call = target.dialect.encode(request, target, stream=self._stream)
            except VersionNeededError as needed:
                learning = self._versions.learn(needed.question, target, self._send)
                target = await watch.wait(learning, clock.first_token)
                call = target.dialect.encode(request, target, stream=self._stream)
        except TimeoutError:
            raise clock.expired() from None
        call.headers.setdefault("x-request-id", self._request_id)
        call.headers.update(self._headers)
        call.deadline = clock.total
        call.on_resend = self._on_resend
        watch.begin(clock.first_token)
        try:
            with self._waiting:
                response = self._response = await self._send(call, target)
        except asyncio.CancelledError:
            if watch.expired():
                raise clock.expired() from None
            raise
        finally:
            watch.end()
        if response.status != 200:
            raise await self._refusal(response, target)
        content_type = response.headers.get("content-type", "").lower()
        decoder = target.dialect.decoder(request, target, stream=self._stream, content_type=content_type)
        self._decoder = decoder
        return decoder

    async def _read(self) -> bytes:
        response, watch = self._response, self._watch
        assert response is not None, "asked"
        watch.begin(self._clock.next())
        try:
            return await response.read()
        except asyncio.CancelledError:
            if watch.expired():
                raise self._clock.expired() from None
            raise
        finally:
            watch.end()

    async def _refusal(self, response: Response, target: Target) -> ApiError:
        body = bytearray()
        try:
            async with asyncio.timeout_at(self._clock.first_token):
                while len(body) < _ERROR_LIMIT and (data := await response.read()):
                    body += data
        except (TimeoutError, ApiError):
            # The status says enough; the vendor's words are lost with its connection.
            body.clear()
        return target.dialect.error(target, response.status, response.headers, bytes(body))

    def _end(self) -> None:
        self._over = True
        self._watch.close()
        if self._response is not None:
            self._response.finish()

    def _give_up(self) -> None:
        self._over = True
        self._watch.close()
        if self._response is not None:
            self._response.close()
