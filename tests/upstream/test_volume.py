"""Large bodies in both directions, and memory that stays bounded however much a vendor sends."""

import asyncio
import gzip
import zlib

import pytest

from service.errors import ApiError, Kind
from tests import vendor as v
from tests.upstream.servers import handling
from tests.upstream.stage import PATIENCE, Stage, read_all, staged
from tests.vendor import Script, VendorRequest
from tests.vendor.script import Send

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body")

BIG = bytes(range(256)) * 80_000


@pytest.mark.parametrize("script", [v.raw(200, BIG, {}), v.stream(BIG)], ids=["length", "chunk"])
@staged
async def test_a_large_body_goes_both_ways(stage: Stage, script: Script) -> None:
    stage.vendor.always(script)
    for _ in range(2):
        outcome = await read_all(await stage.send(BIG))
        assert outcome.error is None
        assert outcome.body == BIG
    assert [request.body == BIG for request in stage.vendor.requests] == [True, True]
    assert stage.vendor.connections == 1


async def stalled(request: VendorRequest) -> int:
    """How much of its answer the vendor could send before it was made to wait."""
    sent = -1
    quiet = 0
    while quiet < 200:
        quiet = quiet + 1 if sent == request.bytes_sent else 0
        sent = request.bytes_sent
        await asyncio.sleep(0.001)
    return sent


@staged
async def test_a_vendor_is_made_to_wait_for_a_slow_reader(stage: Stage) -> None:
    stage.vendor.answer(v.endless_stream())
    response = await stage.send()
    request = stage.vendor.requests[0]
    held = await stalled(request)
    first = await response.read()
    # The rest is in the kernel's buffers.
    assert 0 < len(first) < 1024 * 1024
    assert held < 16 * 1024 * 1024
    async with asyncio.timeout(PATIENCE):
        total = len(first)
        while total < 2 * held:
            data = await response.read()
            assert len(data) < 2 * 1024 * 1024
            total += len(data)
    assert request.bytes_sent > held
    response.close()
    await asyncio.wait_for(request.closed.wait(), PATIENCE)


@staged
async def test_an_endless_answer_left_alone_is_closed(stage: Stage) -> None:
    stage.vendor.answer(v.endless_stream())
    response = await stage.send()
    await stalled(stage.vendor.requests[0])
    response.finish()
    await asyncio.wait_for(stage.vendor.requests[0].closed.wait(), PATIENCE)


@staged
async def test_a_connection_kept_waiting_is_kept(stage: Stage) -> None:
    whole = v.raw(200, BIG, {})
    stage.vendor.always(whole)
    response = await stage.send()
    await stalled(stage.vendor.requests[0])
    assert (await read_all(response)).body == BIG
    assert (await read_all(await stage.send())).body == BIG
    assert stage.vendor.connections == 1


@staged
async def test_an_early_answer_leaves_no_half_request_behind(stage: Stage) -> None:
    gate = asyncio.Event()
    head = Send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")
    seen: list[int] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append(1)
        writer.write(head.data)
        await gate.wait()
        writer.close()

    async with handling(refuse) as port:
        target = stage.target(f"http://127.0.0.1:{port}")
        for count in (1, 2):
            assert (await stage.send(BIG, target=target)).status == 413
            assert len(seen) == count
        gate.set()
        await stage.transport.close()


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = b"\0" * 1024 * 1024
    return b"".join([*(packer.compress(block) for _ in range(size)), packer.flush()])


@staged
async def test_a_small_answer_cannot_fill_the_memory(stage: Stage) -> None:
    stage.vendor.answer(v.raw(200, _bomb(64), {"content-encoding": "gzip"}))
    response = await stage.send()
    total = 0
    while data := await response.read():
        assert len(data) <= 1024 * 1024
        total += len(data)
    assert total == 64 * 1024 * 1024


@staged
async def test_what_follows_compressed_data_is_not_passed_over(stage: Stage) -> None:
    stage.vendor.answer(v.raw(200, gzip.compress(b"a") + b"b", {"content-encoding": "gzip"}))
    response = await stage.send()
    with pytest.raises(ApiError) as caught:
        await response.read()
    assert caught.value.kind is Kind.STREAM_CUT
