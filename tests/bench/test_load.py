import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import grpc.aio
import pytest

from bench.build import LOAD, VENDOR, build
from bench.measurement import Load, read_load

STREAM = b'{"model":"m-n7","stream":true}'
SECONDS = "0.2"

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the benchmark alone needs a C compiler")


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    build()


@contextlib.asynccontextmanager
async def vendor() -> AsyncGenerator[int]:
    process = await asyncio.create_subprocess_exec(VENDOR, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def grpc_server(fails_every: int = 0) -> AsyncGenerator[int]:
    """Streams as many stamped messages as the request has bytes; refuses every nth request."""
    count = 0

    async def answer(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:
        nonlocal count
        count += 1
        for _ in request:
            yield b"\x0a\x18~%019dtok" % time.monotonic_ns()
        if fails_every and count % fails_every == 0:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "not this one")

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Chat", {"Stream": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def put_load(port: int, body: bytes, folder: Path, *more: str) -> tuple[int, Load | None, str]:
    file = folder / "body"
    file.write_bytes(body)
    process = await asyncio.create_subprocess_exec(
        *(LOAD, "-p", str(port), "-b", file, "-d", SECONDS, *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    return process.returncode or 0, read_load(out) if out else None, said.decode()


async def test_a_stream_over_http_is_read_to_its_end(tmp_path: Path) -> None:
    async with vendor() as port:
        _, load, _ = await put_load(port, STREAM, tmp_path)
    assert load is not None
    assert load.counts
    assert load.chunks == 7 * load.answered
    assert load.delay_ms is not None
    assert load.delay_ms.p50 >= 0


async def test_an_open_loop_asks_at_its_rate(tmp_path: Path) -> None:
    async with vendor() as port:
        _, load, _ = await put_load(port, b'{"model":"m"}', tmp_path, "-r", "100")
    assert load is not None
    assert load.counts
    assert load.answered == 19


async def test_a_stream_over_grpc_is_read_to_its_end(tmp_path: Path) -> None:
    async with grpc_server() as port:
        _, load, _ = await put_load(port, b"12345", tmp_path, "-g", "-P", "/test.Chat/Stream", "-c", "2", "-m", "3")
    assert load is not None
    assert load.counts
    assert load.chunks == 5 * load.answered
    assert load.delay_ms is not None
    assert load.delay_ms.p50 >= 0


async def test_a_grpc_status_other_than_ok_is_a_failure(tmp_path: Path) -> None:
    async with grpc_server(fails_every=2) as port:
        _, load, _ = await put_load(port, b"1", tmp_path, "-g", "-P", "/test.Chat/Stream", "-c", "1")
    assert load is not None
    assert not load.counts
    assert abs(load.answered - load.failed) <= 1


async def test_nothing_but_failures_is_no_load(tmp_path: Path) -> None:
    async with grpc_server() as port:
        status, load, said = await put_load(port, b"1", tmp_path, "-g", "-P", "/test.Chat/Unknown", "-d", "60")
    assert status == 3
    assert load is None
    assert "nothing but failures" in said


@pytest.mark.parametrize(
    ("path", "types"),
    [
        (
            "/v1/messages",
            [
                *("message_start", "content_block_start", "ping", *["content_block_delta"] * 7),
                *("content_block_stop", "message_delta", "message_stop"),
            ],
        ),
        ("/v1/chat/completions", ["chat.completion.chunk"] * 9),
    ],
)
async def test_the_vendor_streams_the_events_of_its_format(path: str, types: list[str]) -> None:
    async with vendor() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(STREAM), STREAM))
        answer = await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()
    events = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith(b"data: {")]
    assert [event.get("type", event.get("object")) for event in events] == types
