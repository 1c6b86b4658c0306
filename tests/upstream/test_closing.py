"""Who stops waiting for an answer stops the vendor's work, in whatever phase; who has had it keeps the connection."""

import asyncio

import pytest

from service.errors import ApiError
from tests import vendor as v
from tests.upstream.stage import PATIENCE, Stage, ask, closed, read_all, staged
from tests.vendor import Script
from tests.vendor.script import Wait

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body")

OK = v.raw(200, b"fine", {})


@staged
async def test_cancelling_before_the_head_closes(stage: Stage) -> None:
    stage.vendor.answer(v.hang())
    sending = asyncio.ensure_future(stage.send())
    await stage.vendor.received()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await closed(stage)


@staged
async def test_cancelling_on_a_kept_connection_closes_it(stage: Stage) -> None:
    stage.vendor.answer(OK, v.hang(), OK)
    await ask(stage)
    sending = asyncio.ensure_future(stage.send())
    await stage.vendor.received(2)
    sending.cancel()
    await closed(stage, 2)
    assert await ask(stage) == b"fine"


@staged
async def test_cancelling_while_a_request_is_written_closes(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.vendor.answer(v.unread_request(OK, gate))
    sending = asyncio.ensure_future(stage.send(b"x" * 20_000_000))
    await stage.vendor.received()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    gate.set()
    stage.vendor.always(OK)
    assert await ask(stage) == b"fine"


@staged
async def test_closing_in_mid_answer_closes_at_once(stage: Stage) -> None:
    stage.vendor.answer(v.hang_after_headers(b"data: 1\n\n"))
    response = await stage.send()
    assert await response.read() == b"data: 1\n\n"
    response.close()
    await closed(stage)


@staged
async def test_cancelling_a_read_leaves_the_answer_whole(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.vendor.answer(v.stream(b"a", gate, b"b"))
    response = await stage.send()
    assert await response.read() == b"a"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await response.read()
    gate.set()
    assert (await read_all(response)).body == b"b"


@staged
async def test_closing_after_the_end_does_nothing(stage: Stage) -> None:
    stage.vendor.always(OK)
    response = await stage.send()
    await read_all(response)
    gate = asyncio.Event()
    stage.vendor.answer(v.stream(b"a", gate, b"b"))
    other = await stage.send()
    response.close()
    response.finish()
    gate.set()
    assert (await read_all(other)).body == b"ab"
    assert stage.vendor.connections == 1


@staged
async def test_an_answer_left_before_its_end_is_finished_in_the_background(stage: Stage) -> None:
    gate = asyncio.Event()
    script = v.stream(v.DONE)
    stage.vendor.answer(Script((*script.steps[:-1], Wait(gate), script.steps[-1])))
    response = await stage.send()
    assert await response.read() == v.DONE
    response.finish()
    gate.set()
    await asyncio.wait_for(stage.vendor.requests[0].complete.wait(), PATIENCE)
    # Its end is on its way; a request and its answer later it has come.
    stage.vendor.always(OK)
    await ask(stage)
    await ask(stage)
    assert stage.vendor.connections <= 2
    assert stage.vendor.requests[-1].connection <= 1


@staged
async def test_an_answer_that_never_ends_is_closed_in_the_background(stage: Stage) -> None:
    stage.vendor.answer(v.hang_after_headers(v.DONE))
    response = await stage.send()
    assert await response.read() == v.DONE
    response.finish()
    await closed(stage)


@staged
async def test_closing_the_transport_closes_what_is_under_way(stage: Stage) -> None:
    stage.vendor.answer(v.hang_after_headers(b"a"))
    response = await stage.send()
    assert await response.read() == b"a"
    reading = asyncio.ensure_future(response.read())
    await asyncio.sleep(0)
    await stage.transport.close()
    await closed(stage)
    with pytest.raises(ApiError):
        await asyncio.wait_for(reading, PATIENCE)
