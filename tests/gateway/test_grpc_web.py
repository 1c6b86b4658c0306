"""gRPC-Web: what browsers speak, over HTTP/1.1, with the outcome as the last frame of the body."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator

import aiohttp
import grpc
import pytest
from parley.chat.v1 import completion_pb2

from tests.gateway.edge import running_edge, runtime_directory
from tests.gateway.worker import Context, Script

SERVICE = "/parley.chat.v1.ChatService"
_TRAILERS = 0x80


def framed(message: completion_pb2.CompletionRequest) -> bytes:
    data = message.SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


def frames(body: bytes) -> tuple[list[bytes], dict[str, str]]:
    """The messages and the trailers of an answer."""
    messages: list[bytes] = []
    trailers: dict[str, str] = {}
    while body:
        flags, length = struct.unpack(">BI", body[:5])
        data, body = body[5 : 5 + length], body[5 + length :]
        if flags & _TRAILERS:
            assert body == b"", "trailers are the last frame"
            lines = data.decode().split("\r\n")
            trailers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        else:
            messages.append(data)
    return messages, trailers


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
@pytest.mark.parametrize("method", ["CreateCompletion", "StreamCompletion"])
async def test_an_exchange(method: str, text: bool, worker: Script, http: aiohttp.ClientSession) -> None:
    kind = "application/grpc-web-text" if text else "application/grpc-web+proto"
    body = framed(completion_pb2.CompletionRequest(model="m"))
    headers = {"content-type": kind, "accept": kind, "x-grpc-web": "1", "x-api-key": "k"}
    async with http.post(
        f"{SERVICE}/{method}", data=base64.b64encode(body) if text else body, headers=headers
    ) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-cache", "no")
        received = await answer.read()
    if text:
        # Each part is encoded by itself, with its own padding.
        received = b"".join(base64.b64decode(part + b"=" * (-len(part) % 4)) for part in received.split(b"=") if part)
    messages, trailers = frames(received)
    assert trailers["grpc-status"] == "0"
    assert len(messages) == (1 if method == "CreateCompletion" else 2)
    assert {completion_pb2.CompletionChunk.FromString(message).model for message in messages} == {"m"}
    assert worker.seen[0]["x-api-key"] == "k"


async def test_an_error_after_two_chunks_is_told_in_the_trailers(worker: Script, http: aiohttp.ClientSession) -> None:
    async def stream(
        request: completion_pb2.CompletionRequest, context: Context
    ) -> AsyncIterator[completion_pb2.CompletionChunk]:
        yield completion_pb2.CompletionChunk(id="0")
        yield completion_pb2.CompletionChunk(id="1")
        await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    worker.stream = stream
    body = framed(completion_pb2.CompletionRequest(model="m"))
    headers = {"content-type": "application/grpc-web+proto"}
    async with http.post(f"{SERVICE}/StreamCompletion", data=body, headers=headers) as answer:
        messages, trailers = frames(await answer.read())
    assert len(messages) == 2
    assert (trailers["grpc-status"], trailers["grpc-message"]) == ("14", "gone")


async def test_chunks_are_passed_on_as_they_come(worker: Script, http: aiohttp.ClientSession) -> None:
    arrived = asyncio.Semaphore(0)

    async def stream(
        request: completion_pb2.CompletionRequest, context: Context
    ) -> AsyncIterator[completion_pb2.CompletionChunk]:
        for number in range(3):
            yield completion_pb2.CompletionChunk(id=str(number))
            await arrived.acquire()

    worker.stream = stream
    body = framed(completion_pb2.CompletionRequest(model="m"))
    headers = {"content-type": "application/grpc-web+proto"}
    async with asyncio.timeout(10), http.post(f"{SERVICE}/StreamCompletion", data=body, headers=headers) as answer:
        for number in range(3):
            _, length = struct.unpack(">BI", await answer.content.readexactly(5))
            chunk = completion_pb2.CompletionChunk.FromString(await answer.content.readexactly(length))
            assert chunk.id == str(number)
            arrived.release()


async def test_an_error_of_the_edge_is_a_status() -> None:
    with runtime_directory() as directory:
        async with running_edge(directory) as edge, aiohttp.ClientSession(edge.url) as http:
            headers = {"content-type": "application/grpc-web+proto"}
            async with http.post(f"{SERVICE}/CreateCompletion", data=bytes(5), headers=headers) as answer:
                received, fields = await answer.read(), answer.headers
    trailers = frames(received)[1] if received else {}
    assert (fields.get("grpc-status") or trailers["grpc-status"]) == "14"
