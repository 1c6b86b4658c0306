"""The deadlines of one request to a vendor, and which of them is over."""

import asyncio

from service.backends.dialect import Target
from service.errors import ApiError, Kind, Upstream


class Clock:
    """Belongs to one event loop; never reused.

    :param total: when the request's time is over, on the event loop's clock.
    """

    __slots__ = ("_between", "_loop", "_target", "first_token", "reading", "started", "total")

    def __init__(self, target: Target, loop: asyncio.AbstractEventLoop, total: float) -> None:
        timeouts = target.timeouts
        self._loop = loop
        self._target = target
        self._between = timeouts.between_chunks
        self.started = False
        """Whether something generated has come: only that is a first token, not a role or a ping."""
        self.total = total
        self.first_token = min(total, loop.time() + timeouts.first_token)
        """When it must have come."""
        self.reading = self.first_token
        """When the read that is under way must have ended."""

    def next(self) -> float:
        """When the next read must have ended."""
        if self.started:
            self.reading = min(self.total, self._loop.time() + self._between)
        return self.reading

    def expired(self) -> ApiError:
        """The error for the deadline that is over."""
        timeouts = self._target.timeouts
        if self.reading >= self.total:
            kind, problem = Kind.TOTAL_TIMEOUT, "the answer was not complete within the request's time limit"
        elif self.started:
            kind, problem = Kind.IDLE_TIMEOUT, f"nothing came for {timeouts.between_chunks:g} s in mid-answer"
        else:
            kind, problem = Kind.FIRST_TOKEN_TIMEOUT, f"nothing was generated within {timeouts.first_token:g} s"
        return ApiError(kind, f"{self._target.vendor}: {problem}", upstream=Upstream(self._target.vendor))
