"""Sends a request to a second deployment where the first is slow to begin; whoever generates first, answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from service.backends.run import Piece
from service.errors import ApiError
from service.pipeline.attempt import OVERTAKEN, Attempt


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that has begun."""

    attempt: Attempt
    batch: list[Piece]
    """Its first; empty where the whole answer is."""


async def begin(attempt: Attempt) -> Begun:
    """One attempt alone, up to its first generated token."""
    nothing: list[Piece] = []
    return Begun(attempt, await anext(attempt.answer, nothing))


async def race(first: Attempt, second: Callable[[], Attempt | None], after: float | None) -> Begun:
    """The first of two attempts that generates something; the other is cancelled, and its connection is closed.

    One that fails leaves the other running. ApiError where none is left. Being cancelled closes both.

    :param second: makes the second attempt, unless there is nowhere to send it.
    :param after: seconds that the first has before it is joined; None: as long as it takes.
    """
    running = {asyncio.ensure_future(begin(first)): first}
    failure: ApiError | None = None
    try:
        done, _ = await asyncio.wait(running, timeout=after)
        if not done and (other := second()) is not None:
            running[asyncio.ensure_future(begin(other))] = other
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task in done]:
                running.pop(task)
                try:
                    begun = task.result()
                except ApiError as error:
                    failure = _graver(failure, error)
                    continue
                for loser in running.values():
                    loser.outcome = loser.outcome or OVERTAKEN
                return begun
    finally:
        await _give_up(running)
    assert failure is not None
    raise failure


def _graver(one: ApiError | None, other: ApiError) -> ApiError:
    """The one that trying again mends least."""
    return other if one is None or one.kind.value.retryable else one


async def _give_up(running: dict[asyncio.Task[Begun], Attempt]) -> None:
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for attempt in running.values():
        # It may have begun in the very moment in which it was given up.
        await attempt.answer.aclose()
