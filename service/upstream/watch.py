"""Ends waits whose time is over, for streams of many waits: its timer is not set at each, but only when it fires."""

import asyncio
from collections.abc import Awaitable
from typing import Self, TypeVar

T = TypeVar("T")


class Watch:
    """Watches one wait at a time. Belongs to one event loop; a context manager, whose timer ends with its block."""

    __slots__ = ("_deadline", "_loop", "_over", "_task", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._deadline = 0.0
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def wait(self, what: Awaitable[T], deadline: float) -> T:
        """The result; TimeoutError where it has not come by the deadline, on the event loop's clock.

        As asyncio.timeout_at does, it cancels what is waited for and leaves a cancellation by others as it is.
        """
        task = self._task = asyncio.current_task(self._loop)
        assert task is not None, "waits are made in tasks"
        self._deadline = deadline
        if self._timer is None or self._timer.when() > deadline:
            self._arm()
        cancelling = task.cancelling()
        try:
            return await what
        except asyncio.CancelledError:
            if self._over and task.uncancel() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._task = None

    def close(self) -> None:
        """Stops the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self._deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._task is None:
            # The next wait starts it again.
            return
        if self._loop.time() < self._deadline:
            self._arm()
            return
        self._over = True
        self._task.cancel()
