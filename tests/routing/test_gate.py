import asyncio

import pytest

from service.errors import ApiError, Kind
from service.routing.gate import Gate
from tests.routing.places import holding


async def hold(gate: Gate, release: asyncio.Event, seen: list[str], name: str, seconds: float = 60) -> None:
    async with holding(gate, asyncio.get_running_loop().time() + seconds):
        seen.append(name)
        await release.wait()


async def begun(seen: list[str]) -> None:
    while not seen:  # noqa: ASYNC110  # gives way to the other task
        await asyncio.sleep(0)


async def settled(gate: Gate, waiting: int) -> None:
    while gate.waiting != waiting:  # noqa: ASYNC110  # gives way to the other tasks
        await asyncio.sleep(0)


async def test_places_are_taken_in_order_and_a_full_line_is_refused() -> None:
    gate, seen = Gate(1, 2, "v"), list[str]()
    releases = [asyncio.Event() for _ in range(3)]
    tasks: list[asyncio.Task[None]] = []
    for number, release in enumerate(releases):
        tasks.append(asyncio.create_task(hold(gate, release, seen, str(number))))
        await settled(gate, number)
    assert gate.full
    with pytest.raises(ApiError) as caught:
        await hold(gate, releases[0], seen, "late")
    assert (caught.value.kind, caught.value.code, caught.value.retry_after) == (Kind.RATE_LIMIT, "queue_full", 1.0)
    for release, task in zip(releases, tasks, strict=True):
        release.set()
        await task
    assert seen == ["0", "1", "2"]
    assert not gate.full


async def test_who_leaves_the_line_frees_its_place_in_it() -> None:
    gate, seen, release = Gate(1, 1, "v"), list[str](), asyncio.Event()
    first = asyncio.create_task(hold(gate, release, seen, "first"))
    await begun(seen)
    second = asyncio.create_task(hold(gate, release, seen, "second"))
    await settled(gate, 1)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(hold(gate, release, seen, "third"))
    await settled(gate, 1)
    release.set()
    await asyncio.gather(first, third)
    assert seen == ["first", "third"]


async def test_a_place_that_is_handed_to_someone_who_just_left_goes_on_to_the_next() -> None:
    gate, seen, release = Gate(1, 2, "v"), list[str](), asyncio.Event()
    first = asyncio.create_task(hold(gate, release, seen, "first"))
    await begun(seen)
    second = asyncio.create_task(hold(gate, asyncio.Event(), seen, "second"))
    await settled(gate, 1)
    third = asyncio.create_task(hold(gate, release, seen, "third"))
    await settled(gate, 2)
    release.set()
    await first
    # The second has been handed the place, and has not run since.
    second.cancel()
    await asyncio.gather(second, third, return_exceptions=True)
    assert "third" in seen
    async with holding(gate, asyncio.get_running_loop().time() + 5):
        assert gate.waiting == 0


async def test_waiting_ends_with_the_requests_time() -> None:
    gate, seen, release = Gate(1, 1, "v"), list[str](), asyncio.Event()
    first = asyncio.create_task(hold(gate, release, seen, "first"))
    await begun(seen)
    with pytest.raises(ApiError) as caught:
        await hold(gate, release, seen, "second", seconds=0.01)
    assert caught.value.kind is Kind.TOTAL_TIMEOUT
    assert gate.waiting == 0
    release.set()
    await first


async def test_without_a_limit_nobody_waits() -> None:
    gate = Gate(None, 0, "v")
    async with holding(gate, 0), holding(gate, 0):
        assert not gate.full
