"""The transport of vendors that speak gRPC: what a call's HTTP/2 stream says, as the bytes that decoders know."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol, cast

import grpc.aio

from service.backends.dialect import HttpCall, Target
from service.errors import ApiError, Kind
from service.tls import Tls, load
from service.upstream.failure import failure
from service.upstream.grpc_line import Line
from service.upstream.grpc_response import GrpcResponse, Rpc, UntouchedError
from service.upstream.http_answer import CLOSED
from service.upstream.http_limits import HttpLimits
from service.upstream.http_proxy import proxy_for

_NAME = re.compile(r"(?!grpc-)[0-9a-z_.-]+(?<!-bin)")

_RENEWAL = 10.0
"""Seconds between two tries to replace a channel that is too old."""


class GrpcTransport:
    """Keeps one channel for each scheme, host, port and certificates. Belongs to one event loop."""

    def __init__(self, limits: HttpLimits | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._lines: dict[tuple[str, Tls | None], Line] = {}
        self._ending: set[Line] = set()
        """Those that are retired, and whose calls go on."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, call: HttpCall, target: Target) -> GrpcResponse:
        """Makes a call, and waits for its first message or its end.

        ApiError where the vendor cannot be reached (CONNECT_FAILED, CONNECT_TIMEOUT), or the call cannot be made
        (INTERNAL). Cancelling it cancels the call.
        """
        loop = asyncio.get_running_loop()
        try:
            line = self._line(target, loop.time())
        except ValueError as error:
            raise failure(Kind.INTERNAL, target.vendor, f"the request cannot be sent: {error}") from None
        kept = line.channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY
        if not kept:
            await _reach(line.channel, target)
        if unfit := [name for name, value in call.headers.items() if not _is_metadata(name, value)]:
            raise failure(
                Kind.INTERNAL, target.vendor, f"the request cannot be sent: {unfit[0]} is no metadata of gRPC"
            )
        began = loop.time()
        try:
            return await self._begun(line, call, target)
        except UntouchedError as untouched:
            at_once = kept and untouched.hung_up and loop.time() - began <= self._limits.race
            if not untouched.sure and not at_once:
                raise failure(Kind.BAD_UPSTREAM, target.vendor, f"{CLOSED} before it answered") from None
        # The vendor says that it has not begun, or was closing the connection just as it was used again.
        if call.on_resend is not None:
            call.on_resend()
        line = self._line(target, loop.time())
        await _reach(line.channel, target)
        try:
            return await self._begun(line, call, target)
        except UntouchedError:
            raise failure(Kind.BAD_UPSTREAM, target.vendor, f"{CLOSED} before it answered") from None

    async def close(self) -> None:
        """Closes all channels; calls under way are cancelled."""
        lines = (*self._lines.values(), *self._ending)
        self._lines.clear()
        self._ending.clear()
        for task in tuple(self._tasks):
            task.cancel()
        for line in lines:
            await line.channel.close()

    async def _begun(self, line: Line, call: HttpCall, target: Target) -> GrpcResponse:
        timeout = None if call.deadline is None else max(0.0, call.deadline - asyncio.get_running_loop().time())
        # A call for one message is, on the wire, no other than one for a stream of them.
        rpc = _call(line.channel)(call.path)(call.body, timeout=timeout, metadata=tuple(call.headers.items()))
        line.calls += 1
        rpc.add_done_callback(lambda _: self._ended(line))
        response = GrpcResponse(rpc, target.vendor, call.deadline)
        try:
            await response.begin()
        except BaseException:
            response.close()
            raise
        return response

    def _line(self, target: Target, now: float) -> Line:
        line = self._lines.get((target.base_url, target.tls))
        if line is None:
            for key in [key for key in self._lines if key[0] == target.base_url and _replaces(target.tls, key[1])]:
                self._retire(self._lines.pop(key))
            line = self._lines[target.base_url, target.tls] = _open(target)
        elif line.old(now, target.max_connection_age):
            line.put_off(_RENEWAL)
            self._start(self._renew(line, target))
        return line

    async def _renew(self, old: Line, target: Target) -> None:
        """Puts a new channel in an old one's place as soon as it is connected; until then the old one serves."""
        new, key = _open(target), (target.base_url, target.tls)
        self._ending.add(new)
        try:
            await _reach(new.channel, target)
        except ApiError:
            self._retire(new)
            return
        self._ending.discard(new)
        if self._lines.get(key) is old:
            self._lines[key] = new
            self._retire(old)
        else:
            self._retire(new)

    def _retire(self, line: Line) -> None:
        line.retired = True
        self._ending.add(line)
        if not line.calls:
            self._finish(line)

    def _ended(self, line: Line) -> None:
        line.calls -= 1
        if line.retired and not line.calls:
            self._finish(line)

    def _finish(self, line: Line) -> None:
        if line in self._ending:
            self._ending.discard(line)
            self._start(line.channel.close())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _open(target: Target) -> Line:
    proxy = proxy_for(target.base_url)
    tls = (target.tls or load()) if target.base_url.startswith("grpcs:") else None
    return Line(target.base_url, tls, proxy)


def _replaces(new: Tls | None, old: Tls | None) -> bool:
    return new is not None and old is not None and new.files == old.files


class _Rpc(Rpc, Protocol):
    """One call."""

    def add_done_callback(self, callback: Callable[[object], None]) -> None: ...


class _Call(Protocol):
    """One method of a service, messages as bytes."""

    def __call__(self, request: bytes, *, timeout: float | None, metadata: Sequence[tuple[str, str]]) -> _Rpc: ...


def _call(channel: grpc.aio.Channel) -> Callable[[str], _Call]:
    """How a call is made; the library's types know nothing of messages that are bytes."""
    return cast("Callable[[str], _Call]", channel.unary_stream)


def _is_metadata(name: str, value: str) -> bool:
    """Whether gRPC can send it (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)."""
    return _NAME.fullmatch(name) is not None and value.isascii() and value.isprintable()


async def _reach(channel: grpc.aio.Channel, target: Target) -> None:
    """Waits for a connection; a channel whose last attempt failed is not waited for until it has made its next."""
    limit = target.timeouts.connect
    try:
        async with asyncio.timeout(limit):
            state = channel.get_state(try_to_connect=True)
            while state is not grpc.ChannelConnectivity.READY:
                if state in {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}:
                    raise failure(Kind.CONNECT_FAILED, target.vendor, "could not be reached")
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
    except TimeoutError:
        raise failure(Kind.CONNECT_TIMEOUT, target.vendor, f"could not be reached within {limit:g} s") from None
