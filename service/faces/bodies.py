"""How many bytes of large requests a worker has in hand at once; more wait in line, or are told to come back."""

import asyncio
from collections import deque

from service.errors import ApiError, Kind

LARGE = 1024 * 1024
"""Bytes from which on a body is counted. Of smaller ones there are never enough to matter."""

_RETRY_AFTER = 2.0
"""Seconds after which a caller may try again."""


class Bodies:
    """Counts the bodies of a worker. Belongs to one event loop.

    A body is held until its answer is over, about six times while it is read and made anew for a vendor.

    :param most: bytes in hand. One body alone is taken whatever its size.
    :param line: bytes that wait, in the order in which they came.
    :param patience: seconds for which one waits.
    """

    def __init__(self, most: int = 128 * 1024 * 1024, *, line: int = 192 * 1024 * 1024, patience: float = 10.0) -> None:
        self._most = most
        self._line = line
        self._patience = patience
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> int:
        """Counts a body of a size in; UNAVAILABLE where there is no room in time.

        Returns what is to be given back by `give` when it is no longer in hand.
        """
        if self._waiting or not self._fits(size):
            await self._wait(size)
        else:
            self._held += size
        return size

    def give(self, size: int) -> None:
        """Counts it out."""
        self._held -= size
        self._admit()

    def _fits(self, size: int) -> bool:
        return not self._held or self._held + size <= self._most

    async def _wait(self, size: int) -> None:
        if sum(each for each, _ in self._waiting) + size > self._line:
            raise self._full()
        turn = asyncio.get_running_loop().create_future()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._held -= size
            elif entry in self._waiting:
                self._waiting.remove(entry)
            self._admit()
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._held += size
                turn.set_result(None)

    def _full(self) -> ApiError:
        problem = "too many large requests are in hand here; try again, or send less, such as smaller images"
        return ApiError(Kind.UNAVAILABLE, problem, retry_after=_RETRY_AFTER)
