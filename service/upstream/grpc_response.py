"""One gRPC call's answer, as a transport's response."""

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol, cast

import grpc.aio

from service.backends.framed import cut_short
from service.backends.grpc_frames import MESSAGE, STATUS, Metadata, as_metadata, message_frame, metadata_frame
from service.backends.grpc_status import HTTP_STATUS
from service.errors import ApiError, Kind
from service.upstream.failure import failure

_ADDRESS = re.compile(r"\b(?:ipv4|ipv6|unix|unix-abstract|vsock):")
"""How gRPC's own words name an address (https://github.com/grpc/grpc/blob/master/doc/naming.md)."""

_BROKEN = "Stream removed ("
"""How gRPC's own words for a call begin that ended without a status of the server's."""

_UNTOUCHED = re.compile(r"Stream removed \((?:GOAWAY received|RST_STREAM \(Received RST_STREAM with error code 7\))")
"""The same for a call that the server says not to have begun: it is above the last of a GOAWAY, or REFUSED_STREAM
(RFC 9113, 8.7)."""

_HUNG_UP = re.compile(r"Stream removed \((?:Socket closed\)|recvmsg)")
"""The same for a call whose connection was closed without a word."""

_HTTP_STATUS = re.compile(r"http2 header with status: (\d{3})")
"""How gRPC's own words name the status of an answer that is none of gRPC."""

Pairs = Sequence[tuple[str, str | bytes]]


class UntouchedError(Exception):
    """A call ended before a message of its answer, because the connection or the stream was closed.

    :param sure: whether the server says that it has not begun.
    :param hung_up: whether the server closed the connection without a word.
    """

    def __init__(self, *, sure: bool, hung_up: bool) -> None:
        super().__init__()
        self.sure = sure
        self.hung_up = hung_up


class Rpc(Protocol):
    """What is used of a call with a stream of messages as its answer, bytes as they are."""

    def read(self) -> Awaitable[bytes | object]:
        """The next message, or grpc.aio.EOF."""
        ...

    def initial_metadata(self) -> Awaitable[Pairs | None]: ...

    def trailing_metadata(self) -> Awaitable[Pairs | None]: ...

    def cancel(self) -> bool: ...


class GrpcResponse:
    """A call that was begun. As headers it has the trailing metadata of a call that failed before its first message."""

    __slots__ = ("_begun", "_deadline", "_ended", "_first", "_rpc", "_vendor", "headers", "status")

    def __init__(self, rpc: Rpc, vendor: str, deadline: float | None) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self._rpc = rpc
        self._vendor = vendor
        self._deadline = deadline
        self._first = b""
        self._begun = False
        self._ended = False

    async def begin(self) -> None:
        """Waits for the first message, or the status of a call that has none. UntouchedError where it has neither."""
        message = await self._next()
        if isinstance(message, bytes):
            began = as_metadata(await self._rpc.initial_metadata() or ())
            self._first = (metadata_frame(began) if began else b"") + message_frame(message)
        elif message[STATUS] == "0":
            self._first = metadata_frame(message)
        else:
            self.status, self.headers = _http_status(message), message

    async def read(self) -> bytes:
        """The next message as a frame, at the end the metadata that the call ended with, and then nothing.

        ApiError (STREAM_CUT) where the connection ended before the answer did.
        """
        if self._first:
            first, self._first = self._first, b""
            return first
        if self._ended:
            return b""
        message = await self._next()
        return message_frame(message) if isinstance(message, bytes) else metadata_frame(message)

    def finish(self) -> None:
        """Ends the call where it has not ended."""
        self.close()

    def close(self) -> None:
        """Cancels the call, so that the vendor stops working."""
        if not self._ended:
            self._ended = True
            self._rpc.cancel()

    async def _next(self) -> bytes | Metadata:
        """A message; at the end, the trailing metadata with the status."""
        try:
            message = await self._rpc.read()
            if isinstance(message, bytes):
                self._begun = True
                return message
            self._ended = True
            trailers = as_metadata(await self._rpc.trailing_metadata() or ())
            return {STATUS: "0", **trailers}
        except grpc.aio.AioRpcError as error:
            self._ended = True
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and self._is_late():
                problem = "the answer was not complete within the request's time limit"
                raise failure(Kind.TOTAL_TIMEOUT, self._vendor, problem) from None
            text = error.details() or ""
            if text.startswith(_BROKEN):
                if self._begun:
                    raise self._cut() from None
                sure, hung_up = _UNTOUCHED.match(text), _HUNG_UP.match(text)
                raise UntouchedError(sure=sure is not None, hung_up=hung_up is not None) from None
            return _trailers(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # The channel was closed under the call: nobody asked for this task's end.
            raise self._cut() from None

    def _cut(self) -> ApiError:
        if self._begun:
            return cut_short(self._vendor)
        return failure(Kind.BAD_UPSTREAM, self._vendor, "closed the connection before it answered")

    def _is_late(self) -> bool:
        return self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline - 0.05


def _trailers(error: grpc.aio.AioRpcError) -> Metadata:
    code = cast("int", error.code().value[0])
    text = error.details() or ""
    pairs = as_metadata(cast("Pairs", error.trailing_metadata() or ()))
    return {**pairs, STATUS: str(code), MESSAGE: "the connection failed" if _ADDRESS.search(text) else text}


def _http_status(trailers: Metadata) -> int:
    if found := _HTTP_STATUS.search(trailers[MESSAGE]):
        return int(found[1])
    return HTTP_STATUS.get(int(trailers[STATUS]), 500)
