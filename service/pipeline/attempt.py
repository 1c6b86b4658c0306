"""One deployment's try at a request."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.generated import is_generated
from service.backends.run import Piece
from service.errors import ApiError, Kind
from service.pipeline.report import Report
from service.routing.condition import Condition
from service.routing.pool import Place
from service.waiting import Waiting

Batches = AsyncGenerator[list[Piece], None]

OVERTAKEN = "overtaken"
"""How an attempt ended that was given up because another began to answer before it."""

ELSEWHERE = frozenset((Kind.UPSTREAM_AUTH, Kind.NO_QUOTA))
"""What a vendor has against the service's account at one deployment; the account at another may be in order."""

_PRELUDE = 64
"""Chunks that are held back at most: a vendor that says so much has begun, though nobody here knows what it says."""


class Attempt:
    """Never reused.

    :param open_: sends the request, in the form that this attempt gives it, and brings the answer.
    :param deadline: when the request's time is over, on the event loop's clock.
    :param waiting: takes note of the time in line before the deployment.
    """

    __slots__ = ("_waiting", "answer", "hedge", "outcome", "place", "report", "request", "since")

    def __init__(
        self,
        place: Place,
        request: CompletionRequest,
        open_: "Callable[[Attempt], Batches]",
        deadline: float,
        *,
        hedge: bool = False,
        waiting: Waiting | None = None,
    ) -> None:
        self.place = place
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
        self.since = asyncio.get_running_loop().time()
        """When it began, on the event loop's clock; a wait for its place may follow."""
        self.answer = self._answer(open_(self), deadline)
        """The batches, from the first on in which something is generated. To be closed by the caller."""

    @property
    def told(self) -> list[str]:
        """Where it went, and how that ended; before that, where a vendor of the same kind as this service went."""
        own = f"{self.place.name}: {self.outcome}" if self.outcome else self.place.name
        return [*self.report.attempts, own]

    async def _answer(self, batches: Batches, deadline: float) -> Batches:
        """The answer, while the deployment's condition takes note of how it does.

        What comes before the first generated token is held back until that comes: a vendor that stalls or fails
        after it has said nothing yet, and may be replaced.
        """
        condition = self.place.condition
        async with self.place.gate.place(deadline, self._waiting):
            condition.begin()
            started = time.monotonic()
            prelude: list[Piece] = []
            try:
                async with aclosing(batches):
                    async for batch in batches:
                        prelude = [*prelude, *batch] if prelude else batch
                        if any(map(is_generated, batch)):
                            condition.saw_first_token(time.monotonic() - started)
                            break
                        if len(prelude) >= _PRELUDE:
                            break
                    if prelude:
                        yield prelude
                    async for batch in batches:
                        yield batch
                condition.succeeded()
            except ApiError as error:
                self.outcome = error.code
                self.report.attempts += error.attempts
                _learn(condition, error)
                raise
            except BaseException:
                condition.abandoned()
                raise
            finally:
                condition.end()


def _learn(condition: Condition, error: ApiError) -> None:
    if error.kind.value.retryable or (error.kind in ELSEWHERE and error.upstream is not None):
        condition.failed()
    elif error.upstream is None or error.kind is Kind.TOTAL_TIMEOUT:
        # It was refused before it was sent, or its own time was too short: nothing was learnt.
        condition.abandoned()
    else:
        condition.succeeded()
