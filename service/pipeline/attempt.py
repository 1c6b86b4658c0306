"""One deployment's try at a request."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Self

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.batches import Batches
from service.backends.generated import is_generated
from service.backends.run import Piece, sample
from service.errors import ApiError, Kind
from service.errors.failover import Fault, fault_of
from service.pipeline.exchange import Exchange
from service.pipeline.report import Report
from service.routing.pool import Place
from service.waiting import Waiting

OVERTAKEN = "overtaken"
"""How an attempt ended that was given up because another began to answer before it."""

CLOSED = "connection_closed"
"""How a sending ended whose kept connection the vendor was closing; what follows is the same attempt, sent again."""

_OF_ONE_MODEL = frozenset((Kind.MODEL_NOT_FOUND, Kind.PERMISSION))
"""What says nothing of a place that stands for many models, because callers name those."""

_PRELUDE = 64
"""Chunks that are held back at most: a vendor that says so much has begun, though nobody here knows what it says."""


class Attempt:
    """Its batches are the answer (service.backends.batches.Batches), once it has begun; never reused.

    What comes before the first generated token is held back until that comes: a vendor that stalls or fails after it
    has said nothing yet, and may be replaced. The deployment's condition takes note of how it does.

    :param deadline: when the request's time is over, on the event loop's clock.
    :param waiting: takes note of the time in line before the deployment.
    """

    __slots__ = (
        "_batches",
        "_deadline",
        "_inside",
        "_over",
        "_prelude",
        "_waiting",
        "exchange",
        "hedge",
        "outcome",
        "place",
        "report",
        "request",
        "since",
    )

    def __init__(
        self,
        place: Place,
        request: CompletionRequest,
        deadline: float,
        *,
        waiting: Waiting,
        hedge: bool = False,
    ) -> None:
        self.place = place
        self._deadline = deadline
        self._waiting = waiting
        self.hedge = hedge
        """Whether it was made while another was under way."""
        self.request = CompletionRequest()
        """The request, which is changed into the form that it can have at the place."""
        self.request.CopyFrom(request)
        self.report = Report()
        """What was done with the request to that end; other attempts do other things with it."""
        self.outcome = ""
        """A code of the error table, or OVERTAKEN; empty while it is under way and where it answers."""
        self.exchange: Exchange | None = None
        """Keeps the record of what passes between service and vendor, as soon as anything does."""
        self.since = asyncio.get_running_loop().time()
        """When it began, on the event loop's clock; a wait for its place may follow."""
        self._batches: Batches | None = None
        self._prelude: list[Piece] = []
        """What came up to the first generated token, until it is read."""
        self._inside = False
        self._over = False

    @property
    def told(self) -> list[str]:
        """Where it went, and how that ended; before that, where a vendor of the same kind as this service went."""
        name = self.place.name
        own = f"{name}: {self.outcome}" if self.outcome else name
        resent = self.exchange.record.resent if self.exchange is not None else 0
        return [*self.report.attempts, *[f"{name}: {CLOSED}"] * resent, own]

    def __aiter__(self) -> Self:
        return self

    async def begin(self, open_: "Open") -> None:
        """Asks, and waits until something is generated or the answer is over. Raises ApiError.

        :param open_: brings the request into the form that it can have at the place, and says who answers it.
        """
        place = self.place
        try:
            await place.gate.enter(self._deadline, self._waiting)
            self._inside = True
            place.condition.begin()
            started = time.monotonic()
            batches = self._batches = await open_(self)
            async for batch in batches:
                prelude = self._prelude
                if not prelude and self.exchange is not None:
                    self.exchange.begin(sample(batch[0]))
                self._prelude = prelude = [*prelude, *batch] if prelude else batch
                if any(map(is_generated, batch)):
                    place.condition.saw_first_token(time.monotonic() - started)
                    return
                if len(prelude) >= _PRELUDE:
                    return
        except BaseException as error:
            await self._close(error)
            raise
        self._end(None)

    async def __anext__(self) -> list[Piece]:
        if prelude := self._prelude:
            self._prelude = []
            return prelude
        if self._over:
            raise StopAsyncIteration
        assert self._batches is not None, "begun"
        try:
            return await self._batches.__anext__()
        except StopAsyncIteration:
            self._end(None)
            raise
        except BaseException as error:
            await self._close(error)
            raise

    async def aclose(self) -> None:
        """Gives the answer up, unless it has ended."""
        if not self._over:
            await self._close(GeneratorExit())

    async def _close(self, error: BaseException) -> None:
        try:
            if self._batches is not None:
                await self._batches.aclose()
        finally:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """Takes note of how it ended; None: the answer is complete."""
        self._over = True
        if self.exchange is not None:
            self.exchange.end(error)
        if isinstance(error, ApiError):
            self.outcome = error.code
            self.report.attempts += error.attempts
        if not self._inside:
            return
        condition = self.place.condition
        if error is None:
            condition.succeeded()
        elif isinstance(error, ApiError):
            _learn(self.place, error)
        else:
            condition.abandoned()
        condition.end()
        self.place.gate.leave()


Open = Callable[[Attempt], Awaitable[Batches]]
"""Brings an attempt's request into the form that it can have at its place, and returns the answer to it."""


def _learn(place: Place, error: ApiError) -> None:
    condition, fault = place.condition, fault_of(error.kind)
    wildcard = condition.target.model != place.target.model
    if fault is Fault.VENDOR or (fault is Fault.PLACE and error.upstream is not None):
        if wildcard and error.kind in _OF_ONE_MODEL:
            condition.abandoned()
        else:
            condition.failed()
    elif error.upstream is None or fault is Fault.TIME:
        # It was refused before it was sent, or its own time was too short: nothing was learnt.
        condition.abandoned()
    else:
        condition.succeeded()
