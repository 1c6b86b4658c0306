"""The vendor's socket: written by hand on asyncio's streams, because a well-behaved HTTP server cannot misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import h11

from tests.vendor.answers import openai_error
from tests.vendor.script import Drip, Ending, Forever, Head, Responder, Script, Send, Wait

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_READ = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True, eq=False)
class VendorRequest:
    """One request as it came, and what became of its answer."""

    method: str
    path: str
    raw_headers: tuple[tuple[str, str], ...]
    connection: int
    """Ordinal of the connection, from 0: equal for requests that shared one."""
    body: bytes = b""
    bytes_sent: int = 0
    """Bytes of the answer that the kernel has taken so far."""
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when every step of the script has been done."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the peer closed the connection before the answer was complete, or while it hung."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name; the last of a repeated one."""
        return dict(self.raw_headers)

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object, {} where there is none."""
        return json.loads(self.body) if self.body else {}


class Vendor:
    """A scriptable HTTP/1.1 server on a port of 127.0.0.1 that the kernel chose.

    Scripts come from the queue first, then by the request's `model`, then the default; where there
    is none, the answer is 500. Belongs to the event loop it was started in.
    """

    def __init__(self) -> None:
        self.requests: list[VendorRequest] = []
        self.connections = 0
        self._queue: deque[Responder] = deque()
        self._by_model: dict[str, Responder] = {}
        self._default: Responder = openai_error(500, "the test told the vendor no answer", kind="server_error")
        self._arrived = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls) -> AsyncGenerator[Vendor]:
        """Listen until the block ends; then drop every connection."""
        vendor = cls()
        server = await asyncio.start_server(vendor._accept, "127.0.0.1", 0)
        vendor._port = server.sockets[0].getsockname()[1]
        try:
            yield vendor
        finally:
            server.close()
            tasks = tuple(vendor._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    @property
    def base_url(self) -> str:
        """Scheme, address and port, without a path: every path is answered."""
        return f"http://127.0.0.1:{self._port}"

    def answer(self, *responders: Responder) -> None:
        """Queue answers for the next requests, in order."""
        self._queue.extend(responders)

    def always(self, responder: Responder, *, model: str | None = None) -> None:
        """Set the answer for requests that find the queue empty: all of them, or those for one model."""
        if model is None:
            self._default = responder
        else:
            self._by_model[model] = responder

    async def received(self, count: int = 1) -> VendorRequest:
        """Wait until `count` requests have come since the start, and return the last of those."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ordinal = self.connections
        self.connections += 1
        writer.transport.set_write_buffer_limits(high=0)
        try:
            await self._serve(_Connection(reader, writer, ordinal))
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            # The peer's going away is recorded on the request; our own end needs no record.
            writer.transport.abort()
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _serve(self, connection: _Connection) -> None:
        while (request := await connection.read_head()) is not None:
            queued = self._queue.popleft() if self._queue else None
            if isinstance(queued, Script) and queued.read_after is not None:
                await self._record(request)
                await queued.read_after.wait()
                await connection.read_body(request)
            else:
                await connection.read_body(request)
                await self._record(request)
            responder = queued or self._by_model.get(str(_model(request)), self._default)
            script = responder if isinstance(responder, Script) else responder(request)
            if not await connection.play(script, request):
                return

    async def _record(self, request: VendorRequest) -> None:
        async with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()


def _model(request: VendorRequest) -> object:
    """Return the request's `model`, or None where its body is not a JSON object."""
    try:
        body: object = json.loads(request.body or b"{}")
    except ValueError:
        return None
    return cast("dict[str, object]", body).get("model") if isinstance(body, dict) else None


class _Connection:
    """One accepted connection: h11 reads the requests, scripts write the answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ordinal: int) -> None:
        self._reader = reader
        self._writer = writer
        self._ordinal = ordinal
        self._parser = h11.Connection(h11.SERVER)
        self._ahead = b""

    async def read_head(self) -> VendorRequest | None:
        """Return the next request without its body, or None where the peer has closed."""
        self._parser = h11.Connection(h11.SERVER)
        if self._ahead:
            self._parser.receive_data(self._ahead)
            self._ahead = b""
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
        return VendorRequest(event.method.decode(), event.target.decode(), headers, self._ordinal)

    async def read_body(self, request: VendorRequest) -> None:
        """Read the rest of the request."""
        while isinstance(event := await self._next_event(), h11.Data):
            request.body += bytes(event.data)
        self._ahead = self._parser.trailing_data[0]

    async def _next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        while (event := self._parser.next_event()) is h11.NEED_DATA:
            if self._parser.they_are_waiting_for_100_continue:
                self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._parser.receive_data(await self._reader.read(_READ))
        return event

    async def play(self, script: Script, request: VendorRequest) -> bool:
        """Do the script's steps while listening for the peer's close; tell whether to go on with the connection."""
        steps = asyncio.ensure_future(self._do_steps(script, request))
        close = asyncio.ensure_future(self._peer_closes())
        try:
            await asyncio.wait((steps, close), return_when=asyncio.FIRST_COMPLETED)
            failure = steps.exception() if steps.done() else None
            if failure is not None and not isinstance(failure, ConnectionError):
                raise failure
            if failure is not None or not steps.done():
                request.closed.set()
                return False
        finally:
            steps.cancel()
            close.cancel()
            await asyncio.gather(steps, close, return_exceptions=True)
            if script.ending is not Ending.KEEP_ALIVE or request.closed.is_set():
                self._close(reset=script.ending is Ending.RESET)
        return script.ending is Ending.KEEP_ALIVE

    async def _do_steps(self, script: Script, request: VendorRequest) -> None:
        for step in script.steps:
            match step:
                case Head(data) | Send(data):
                    await self._write(data, request)
                case Drip(data, size):
                    for at in range(0, len(data), size):
                        await self._write(data[at : at + size], request)
                        await asyncio.sleep(0)
                case Wait(gate):
                    await gate.wait()
                case Forever(data):
                    while True:
                        await self._write(data, request)
                        await asyncio.sleep(0)
        if script.ending is Ending.HANG:
            await asyncio.Event().wait()
        request.complete.set()

    async def _write(self, data: bytes, request: VendorRequest) -> None:
        self._writer.write(data)
        await self._writer.drain()
        request.bytes_sent += len(data)

    async def _peer_closes(self) -> None:
        """Return when the peer has closed its side; what it sends meanwhile belongs to its next request."""
        while data := await self._reader.read(_READ):
            self._ahead += data

    def _close(self, *, reset: bool) -> None:
        if reset:
            raw: socket.socket = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._writer.transport.abort()
        else:
            self._writer.close()


def unused_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on: connecting to it is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
