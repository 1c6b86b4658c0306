import asyncio
from collections.abc import Awaitable, Callable

import pytest

from service.supervisor.watchdog import Watchdog

QUICK = Watchdog(interval_s=0.01, limit_s=0.05)


async def judged(answers: Callable[[], Awaitable[bool]], until: asyncio.Event) -> bool:
    """Whether a process is found to hang before an event."""
    watching = asyncio.create_task(QUICK.until_hung(answers))
    waiting = asyncio.create_task(until.wait())
    await asyncio.wait({watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
    hung = watching.done()
    watching.cancel()
    waiting.cancel()
    return hung


@pytest.mark.parametrize("answer", [None, False], ids=["silent", "not there"])
async def test_one_that_never_answers_hangs(answer: bool | None) -> None:
    async def answers() -> bool:
        if answer is None:
            await asyncio.Event().wait()
        return bool(answer)

    assert await judged(answers, asyncio.Event())


async def test_one_that_answers_late_or_fails_now_and_then_does_not_hang() -> None:
    asked, enough = 0, asyncio.Event()

    async def answers() -> bool:
        nonlocal asked
        asked += 1
        if asked == 40:
            enough.set()
        if asked % 4 == 1:
            # Longer than an interval, shorter than the limit.
            await asyncio.sleep(0.02)
        return asked % 4 != 2

    assert not await judged(answers, enough)


async def test_time_that_the_watching_process_did_not_live_through_does_not_count() -> None:
    """Its machine was stopped: the clock has moved on, and nobody has had the time to answer."""
    loop = asyncio.get_running_loop()
    asked, enough = 0, asyncio.Event()
    real, ahead = loop.time, 0.0
    loop.time = lambda: real() + ahead  # type: ignore[method-assign]

    async def answers() -> bool:
        nonlocal asked, ahead
        asked += 1
        if asked == 3:
            ahead += 3600
        if asked == 6:
            enough.set()
        for _ in range(3):
            await asyncio.sleep(0)
        return True

    try:
        assert not await judged(answers, enough)
    finally:
        del loop.time
