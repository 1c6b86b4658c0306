"""Admits requests to a deployment that takes only so many at once; others wait in line, or are told to come back."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from service.errors import ApiError, Kind


class Gate:
    """A bounded number of places, and a bounded line before them. Belongs to one event loop.

    :param places: requests at once; None: no limit.
    :param line: requests that may wait; beyond it they are refused with 429.
    """

    def __init__(self, places: int | None, line: int, name: str) -> None:
        self._free = places
        self._line = line
        self._name = name
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether a further request would be refused."""
        return self._free == 0 and len(self._waiting) >= self._line

    @asynccontextmanager
    async def place(self, deadline: float) -> AsyncGenerator[None]:
        """Holds a place while the block runs; waits for one until the deadline (TOTAL_TIMEOUT), in order of arrival.

        RATE_LIMIT where the line is full. A caller who leaves the line frees its place in it.
        """
        if self._free is None:
            yield
            return
        await self._enter(deadline)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, deadline: float) -> None:
        assert self._free is not None
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return
        if len(self._waiting) >= self._line:
            problem = f"{self._name}: all its places are taken and {len(self._waiting)} requests wait for one"
            raise ApiError(Kind.RATE_LIMIT, problem, code="queue_full", retry_after=1.0)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled():
                # The place was handed over just as its taker went away.
                self._leave()
            if isinstance(error, TimeoutError):
                problem = f"{self._name}: no place became free within the request's time limit"
                raise ApiError(Kind.TOTAL_TIMEOUT, problem) from None
            raise

    def _leave(self) -> None:
        assert self._free is not None
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
