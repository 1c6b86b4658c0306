"""Servers of gRPC, its own and one that speaks HTTP/2 by a script, and what they are called with."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import h2.config
import h2.connection
import h2.events
import h2.exceptions

from service.backends.dialect import HttpCall, Target
from service.backends.grpc_frames import FrameParser, read_metadata
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from tests.upstream.servers import handling

Serve = Callable[[bytes, Any], Awaitable[Any]]


def target(port: int, *, scheme: str = "grpc", host: str = "127.0.0.1", connect: float = 5.0) -> Target:
    timeouts = Timeouts().model_copy(update={"connect": connect})
    return Target("eu", "", "m", DIALECTS["parley"], f"{scheme}://{host}:{port}", timeouts)


@dataclass(slots=True)
class Service:
    """What the server was asked."""

    port: int = 0
    metadata: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    peers: list[str] = field(default_factory=list[str])
    shown: list[str] = field(default_factory=list[str])
    """Names in certificates of the client."""
    remaining: list[float | None] = field(default_factory=list[float | None])
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)


class Handler(grpc.GenericRpcHandler):
    def __init__(self, serve: Any) -> None:
        self._handler: Any = grpc.unary_stream_rpc_method_handler(serve)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._handler if handler_call_details.method == "/s/m" else None  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def serving(
    *messages: bytes | asyncio.Event, tls: grpc.ServerCredentials | None = None, fail: grpc.StatusCode | None = None
) -> AsyncGenerator[Service]:
    seen = Service()

    async def serve(request: bytes, context: Any) -> Any:
        seen.peers.append(context.peer())
        names = context.auth_context().get("x509_common_name", [])
        seen.shown += [name.decode() for name in names]
        seen.metadata.append(dict(context.invocation_metadata()))
        seen.remaining.append(context.time_remaining())
        seen.begun.set()
        context.set_trailing_metadata((("x-last", "l"), ("y-bin", b"\0\1")))
        try:
            for each in messages:
                if isinstance(each, asyncio.Event):
                    await each.wait()
                else:
                    await context.write(each + request)
        except asyncio.CancelledError:
            seen.cancelled.set()
            raise
        if fail is not None:
            await context.abort(fail, "it is — so")

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(serve),))
    seen.port = server.add_secure_port("localhost:0", tls) if tls else server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield seen
    finally:
        await server.stop(None)


def call(**more: Any) -> HttpCall:
    return HttpCall("/s/m", {"x-api-key": "k"}, b"!", **more)


async def read_all(response: Any) -> list[bytes | dict[str, str]]:
    data = b""
    while piece := await response.read():
        data += piece
    frames = FrameParser().feed(data)
    return [read_metadata(frame.payload) if frame.is_metadata else frame.payload for frame in frames]


Script = Callable[[h2.connection.H2Connection, int], object]


HEAD = [(":status", "200"), ("content-type", "application/grpc")]


MESSAGE = b"\0\0\0\0\1x"


@contextlib.asynccontextmanager
async def speaking(*script: Script | asyncio.Event, hangs_up: bool = False) -> AsyncGenerator[int]:
    """A server of HTTP/2 that answers each request by a script, which holds at an event."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            asked = [event for event in connection.receive_data(data) if isinstance(event, h2.events.StreamEnded)]
            for event in asked:
                for step in script:
                    if isinstance(step, asyncio.Event):
                        writer.write(connection.data_to_send())
                        await step.wait()
                    else:
                        step(connection, event.stream_id or 0)
            writer.write(connection.data_to_send())
            if asked and hangs_up:
                await writer.drain()
                return

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # One that has said that it goes away reads no more.
        with contextlib.closing(writer), contextlib.suppress(h2.exceptions.ProtocolError):
            await answer(reader, writer)

    async with handling(handle) as port:
        yield port


def reset(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.reset_stream(stream, 2)


def cancel(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.reset_stream(stream, 8)
