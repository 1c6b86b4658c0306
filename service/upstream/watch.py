"""Ends waits whose time is over, for streams of many waits: its timer is not set at each, but only when it fires."""

import asyncio
import math
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Watch:
    """Watches one wait at a time. Belongs to one event loop; its timer is to be ended by `close`."""

    __slots__ = ("_cancelling", "_deadline", "_fires", "_loop", "_over", "_task", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._deadline = 0.0
        self._fires = math.inf
        """When the timer does; infinity where there is none."""
        self._over = False

    async def wait(self, what: Awaitable[T], deadline: float) -> T:
        """The result; TimeoutError where it has not come by the deadline, on the event loop's clock.

        As asyncio.timeout_at does, it cancels what is waited for and leaves a cancellation by others as it is.
        """
        self.begin(deadline)
        try:
            return await what
        except asyncio.CancelledError:
            if self.expired():
                raise TimeoutError from None
            raise
        finally:
            self.end()

    def begin(self, deadline: float) -> None:
        """Watches what this task awaits next, as `wait` does; to be followed by `end`, however that ends."""
        task = self._task = asyncio.current_task(self._loop)
        assert task is not None, "waits are made in tasks"
        self._cancelling = task.cancelling()
        self._deadline = deadline
        if deadline < self._fires:
            self._arm()

    def expired(self) -> bool:
        """Whether the cancellation that ended the wait came from here; it is taken back then."""
        return self._over and self._task is not None and self._task.uncancel() <= self._cancelling

    def end(self) -> None:
        """Ends the wait that `begin` began."""
        self._task = None

    def close(self) -> None:
        """Stops the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._fires = math.inf

    def _arm(self) -> None:
        self.close()
        self._fires = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._fires = math.inf
        if self._task is None:
            # The next wait starts it again.
            return
        if self._loop.time() < self._deadline:
            self._arm()
            return
        self._over = True
        self._task.cancel()
