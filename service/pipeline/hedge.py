"""Sends a request to a second deployment where the first is slow to begin; whoever generates first, answers."""

import asyncio
from collections.abc import Callable

from service.errors import ApiError
from service.pipeline.attempt import OVERTAKEN, Attempt, Open


async def race(first: Attempt, second: Callable[[], Attempt | None], open_: Open, after: float | None) -> Attempt:
    """The first of two attempts that begins an answer; the other is cancelled, and its connection is closed.

    One that fails leaves the other running. ApiError where none is left. Being cancelled closes both.

    :param second: makes the second attempt, unless there is nowhere to send it.
    :param after: seconds that the first has before it is joined; None: as long as it takes.
    """
    running = {asyncio.ensure_future(first.begin(open_)): first}
    failure: ApiError | None = None
    try:
        done, _ = await asyncio.wait(running, timeout=after)
        if not done and (other := second()) is not None:
            running[asyncio.ensure_future(other.begin(open_))] = other
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task in done]:
                attempt = running.pop(task)
                try:
                    task.result()
                except ApiError as error:
                    failure = _graver(failure, error)
                    continue
                for loser in running.values():
                    loser.outcome = loser.outcome or OVERTAKEN
                return attempt
    finally:
        await _give_up(running)
    assert failure is not None
    raise failure


def _graver(one: ApiError | None, other: ApiError) -> ApiError:
    """The one that trying again mends least."""
    return other if one is None or one.kind.value.retryable else one


async def _give_up(running: dict[asyncio.Task[None], Attempt]) -> None:
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for attempt in running.values():
        # It may have begun in the very moment in which it was given up.
        await attempt.aclose()
