"""A caller who goes away cancels the worker's handler, so that nothing is generated for nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from parley.chat.v1 import chat_service_pb2_grpc, completion_pb2

from tests.gateway.edge import Edge
from tests.gateway.worker import Context, Script

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


class Hanging:
    """A handler that never ends by itself, and says when it began and when it was cancelled."""

    def __init__(self, *, events: int) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self._events = events

    async def chat(self, request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        for _ in range(self._events):
            yield HttpBody(content_type="text/event-stream", data=b"data: 1\n\n")
        await self._hang()

    async def create(self, request: completion_pb2.CompletionRequest, context: Context) -> completion_pb2.Completion:
        await self._hang()
        return completion_pb2.Completion()

    async def _hang(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize("leave", [close, reset])
@pytest.mark.parametrize("events", [0, 3], ids=["before the first byte", "mid-stream"])
async def test_rest_caller_who_disconnects(
    leave: Callable[[asyncio.StreamWriter], Awaitable[None]], events: int, worker: Script, edge: Edge
) -> None:
    handler = Hanging(events=events)
    worker.chat = handler.chat
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(POST)
    for _ in range(events):
        await reader.readuntil(b"data: 1\n\n")
    await handler.begun.wait()
    await leave(writer)
    await asyncio.wait_for(handler.cancelled.wait(), 10)


async def test_grpc_caller_who_cancels(worker: Script, channel: grpc.aio.Channel) -> None:
    handler = Hanging(events=0)
    worker.create = handler.create
    call = chat_service_pb2_grpc.ChatServiceStub(channel).CreateCompletion(completion_pb2.CompletionRequest())
    sent = asyncio.ensure_future(call)
    await handler.begun.wait()
    call.cancel()
    await asyncio.wait_for(handler.cancelled.wait(), 10)
    with pytest.raises(asyncio.CancelledError):
        await sent


async def test_slow_reader_slows_the_worker_down(worker: Script, edge: Edge) -> None:
    """Envoy holds a bounded part of an answer that nobody reads."""
    sent = 0
    stalled = asyncio.Event()

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        nonlocal sent
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1, stalled.set)
        for _ in range(400):
            yield HttpBody(content_type="text/event-stream", data=bytes(2**20))
            sent += 1
            timer.cancel()
            timer = loop.call_later(1, stalled.set)

    worker.chat = chat
    _, writer = await asyncio.open_connection("127.0.0.1", edge.port, limit=1024)
    writer.write(POST)
    await stalled.wait()
    writer.transport.abort()
    assert sent < 400
