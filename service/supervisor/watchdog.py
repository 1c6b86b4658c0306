"""Tells a process that hangs from one that is busy: by whether it ever answers, not by how soon."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watchdog:
    """How often a process that serves is asked, and how long it may owe an answer."""

    interval_s: float = 2.0
    limit_s: float = 15.0

    async def until_hung(self, answers: Callable[[], Awaitable[bool]]) -> None:
        """Returns when a process has not answered for the limit.

        The time is counted in intervals that this process lived through, so that a machine or a container that was
        stopped and goes on does not find all its processes guilty.

        :param answers: asks it; waits for as long as an answer takes, and says no where it cannot be asked.
        """
        owed = 0.0
        while owed < self.limit_s:
            asking = asyncio.ensure_future(answers())
            try:
                await asyncio.wait({asking}, timeout=self.interval_s)
                while not asking.done() and owed < self.limit_s:
                    owed += self.interval_s
                    await asyncio.wait({asking}, timeout=self.interval_s)
            finally:
                asking.cancel()
            if asking.done() and not asking.cancelled():
                owed = 0.0 if asking.result() else owed + self.interval_s
                await asyncio.sleep(self.interval_s)
