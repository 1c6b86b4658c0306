"""Tells the time that a request waits for others from the time that the service itself takes."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager


class Waiting:
    """How long one request has waited, in seconds: as a context manager, it waits while the block runs.

    Waits that overlap, as those of several attempts at once do, count once. Belongs to one event loop.
    """

    __slots__ = ("_clock", "_depth", "_seconds", "_since", "queued")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.queued = 0.0
        """Seconds of it in line before a deployment."""
        self._depth = 0
        self._seconds = 0.0
        self._since = 0.0

    @property
    def seconds(self) -> float:
        """In all, up to now."""
        return self._seconds + (self._clock() - self._since if self._depth else 0.0)

    def __enter__(self) -> None:
        if not self._depth:
            self._since = self._clock()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._seconds += self._clock() - self._since

    @contextmanager
    def line(self) -> Generator[None]:
        """Waits in line while the block runs."""
        before = self._clock()
        with self:
            try:
                yield
            finally:
                self.queued += self._clock() - before
