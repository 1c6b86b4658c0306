"""Bodies in hand are bounded: more wait their turn, and what does not fit is told to come back."""

import asyncio

import pytest

from service.errors import ApiError, Kind
from service.faces.bodies import Bodies


async def test_bodies_wait_in_line_and_are_taken_in_their_order() -> None:
    bodies = Bodies(100, line=100)
    order: list[str] = []

    async def take(name: str, size: int) -> None:
        await bodies.take(size)
        order.append(name)

    await take("first", 80)
    tasks = [asyncio.create_task(take("second", 60)), asyncio.create_task(take("third", 10))]
    await asyncio.sleep(0)
    assert order == ["first"]
    bodies.give(80)
    await asyncio.gather(*tasks)
    assert order == ["first", "second", "third"]


async def test_what_does_not_fit_into_the_line_is_told_when_to_try_again() -> None:
    bodies = Bodies(100, line=50)
    await bodies.take(100)
    waits = asyncio.create_task(bodies.take(50))
    await asyncio.sleep(0)
    with pytest.raises(ApiError) as raised:
        await bodies.take(1)
    assert (raised.value.kind, raised.value.retry_after) == (Kind.UNAVAILABLE, 2.0)
    bodies.give(100)
    assert await waits == 50


async def test_whoever_waits_too_long_or_goes_away_leaves_its_place() -> None:
    bodies = Bodies(100, line=100, patience=0.001)
    await bodies.take(100)
    with pytest.raises(ApiError):
        await bodies.take(50)
    patient = Bodies(100, line=200)
    await patient.take(100)
    gone, stays = asyncio.create_task(patient.take(90)), asyncio.create_task(patient.take(90))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    patient.give(100)
    assert await stays == 90


async def test_one_that_goes_as_its_turn_comes_gives_it_on() -> None:
    bodies = Bodies(100, line=200)
    await bodies.take(100)
    gone, stays = asyncio.create_task(bodies.take(90)), asyncio.create_task(bodies.take(90))
    await asyncio.sleep(0)
    bodies.give(100)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert await stays == 90


async def test_one_body_alone_is_taken_whatever_its_size() -> None:
    assert await Bodies(10).take(1000) == 1000
