"""Admits requests to a deployment that takes only so many at once; others wait in line, or are told to come back."""

import asyncio
from collections import deque

from service.errors import ApiError, Kind
from service.waiting import Waiting


class Gate:
    """A bounded number of places, and a bounded line before them. Belongs to one event loop.

    :param places: requests at once; None: no limit.
    :param line: requests that may wait; beyond it they are refused with 429.
    """

    def __init__(self, places: int | None, line: int, name: str) -> None:
        self._places = self._free = places
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
        return self._free is not None and self._free <= 0 and len(self._waiting) >= self._line

    @property
    def has_room(self) -> bool:
        """Whether a request would get a place at once."""
        return self._free is None or (self._free > 0 and not self._waiting)

    @property
    def bounded(self) -> bool:
        """Whether there is a limit."""
        return self._places is not None

    def resize(self, places: int, line: int) -> None:
        """Changes the limits of a bounded gate. Who is inside or waits stays; new places go to those who wait."""
        assert self._places is not None
        assert self._free is not None
        self._free += places - self._places
        self._places, self._line = places, line
        while self._free > 0 and self._waiting:
            self._free -= 1
            self.leave()

    async def enter(self, deadline: float, waiting: Waiting) -> None:
        """Takes a place, which is to be given back by `leave`; waits for one until the deadline, in order of arrival.

        ApiError: RATE_LIMIT where the line is full, TOTAL_TIMEOUT at the deadline. A caller who leaves the line frees
        its place in it.

        :param waiting: takes note of the time in line.
        """
        if self._free is None:
            return
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return
        if len(self._waiting) >= self._line:
            problem = f"{self._name}: all its places are taken and {len(self._waiting)} requests wait for one"
            raise ApiError(Kind.RATE_LIMIT, problem, code="queue_full", retry_after=1.0)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            with waiting.line():
                async with asyncio.timeout_at(deadline):
                    await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled():
                # The place was handed over just as its taker went away.
                self.leave()
            if isinstance(error, TimeoutError):
                problem = f"{self._name}: no place became free within the request's time limit"
                raise ApiError(Kind.TOTAL_TIMEOUT, problem) from None
            raise

    def leave(self) -> None:
        """Gives a place back."""
        if self._free is None:
            return
        # Below 0 more are inside than now may be: the place is gone.
        while self._free >= 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
