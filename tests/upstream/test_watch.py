import asyncio

import pytest

from service.upstream.watch import Watch


def now() -> float:
    return asyncio.get_running_loop().time()


async def after(seconds: float, result: int) -> int:
    await asyncio.sleep(seconds)
    return result


async def reached(time: float) -> None:
    """Returns once all timers up to then have fired."""
    loop = asyncio.get_running_loop()
    fired = loop.create_future()
    loop.call_at(time, fired.set_result, None)
    await fired


async def test_what_comes_in_time_is_the_result() -> None:
    assert await Watch(asyncio.get_running_loop()).wait(after(0, 1), now() + 60) == 1


async def test_what_does_not_is_cancelled() -> None:
    watch, waited = Watch(asyncio.get_running_loop()), asyncio.ensure_future(after(60, 1))
    with pytest.raises(TimeoutError):
        await watch.wait(waited, now())
    assert waited.cancelled()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_wait_has_its_own_deadline_whatever_the_one_before_it_had() -> None:
    watch = Watch(asyncio.get_running_loop())
    first = now() + 0.01
    assert await watch.wait(after(0, 1), first) == 1

    assert await watch.wait(reached(first + 0.01), now() + 60) is None
    with pytest.raises(TimeoutError):
        await watch.wait(after(1, 3), now() + 0.01)


async def test_a_timer_that_fires_between_two_waits_ends_neither() -> None:
    watch = Watch(asyncio.get_running_loop())
    first = now() + 0.01
    assert await watch.wait(after(0, 1), first) == 1
    await reached(first + 0.01)
    assert await watch.wait(after(0, 2), now() + 60) == 2
    with pytest.raises(TimeoutError):
        await watch.wait(after(1, 3), now())


async def test_being_cancelled_is_no_timeout() -> None:
    task = asyncio.ensure_future(Watch(asyncio.get_running_loop()).wait(after(60, 1), now() + 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_being_cancelled_while_the_time_is_over_is_being_cancelled() -> None:
    task = asyncio.ensure_future(Watch(asyncio.get_running_loop()).wait(after(60, 1), now()))
    # The timer is set when the task first runs, and fires in the turn after that.
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_closed_watch_has_no_timer() -> None:
    watch = Watch(asyncio.get_running_loop())
    deadline = now() + 0.01
    waiting = asyncio.ensure_future(watch.wait(after(60, 1), deadline))
    await asyncio.sleep(0)
    watch.close()
    await reached(deadline + 0.01)
    assert not waiting.done()
    waiting.cancel()
