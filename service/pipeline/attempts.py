"""Tries the places where a request may be answered, one after the other, until one begins to answer it."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest

from service.config.model import Fallback
from service.errors import ApiError, Kind
from service.pipeline.report import Report
from service.routing import Route, Router
from service.routing.condition import Condition
from service.routing.pool import Place

Batches = AsyncGenerator[list[CompletionChunk], None]

_BY_KIND = {Kind.CONTEXT_LENGTH: "context_length", Kind.CONTENT_FILTER: "content_filter"}
"""Refusals that lie with the model, for which there may be other models; everything else is `any`."""


@dataclass(slots=True)
class Attempts:
    """What was tried for one request, and what can be tried next; never reused.

    Everything here happens before the first chunk is out: an answer that has begun is never begun again.
    """

    router: Router
    request: CompletionRequest
    route: Route
    deadline: float
    """When the request's time is over, on the event loop's clock."""
    report: Report
    may_use: Callable[[str], bool]
    """Whether the caller's key is good for a model: a fallback opens no model that it is not good for."""
    jitter: Callable[[], float] = random.random
    place: Place | None = None
    """Where the last attempt went."""
    sent: CompletionRequest = field(default_factory=CompletionRequest)
    """The request as the last attempt changed it to fit the place."""
    _tried: list[Condition] = field(default_factory=list[Condition])
    _retries: int = 0
    _fallbacks: list[str] | None = None

    async def run(self, attempt: Callable[[Place], Batches]) -> Batches:
        """The answer of the first attempt that begins one. To be closed by the caller. ApiError of the last attempt."""
        self.route.pool.budget.request()
        while True:
            place = self.place = self.route.pool.choose(
                self.route.name, self.request, self._tried, deployment=self.route.deployment
            )
            self._tried.append(place.condition)
            begun = False
            try:
                async with (
                    place.gate.place(self.deadline),
                    aclosing(watched(place.condition, attempt(place))) as batches,
                ):
                    async for batch in batches:
                        if not begun:
                            begun = True
                            self.report.attempts.append(place.name)
                        yield batch
                return
            except ApiError as error:
                if begun:
                    raise
                self.report.attempts.append(f"{place.name}: {error.code}")
                error.attempts = tuple(self.report.attempts)
                await asyncio.sleep(self._wait_before_next(error))

    def copy(self) -> CompletionRequest:
        """A copy of the request for the next attempt to change, whose report begins anew."""
        self.sent = CompletionRequest()
        self.sent.CopyFrom(self.request)
        self.report.dropped.clear()
        self.report.emulated.clear()
        return self.sent

    def _wait_before_next(self, error: ApiError) -> float:
        """Seconds until the next attempt, which goes where `route` says; raises the error where there is none."""
        pool = self.route.pool
        settings = pool.route.settings
        if error.kind.value.retryable and self._retries < settings.retries.attempts:
            self._retries += 1
            untried = not self.route.deployment and len({*self._tried}) < len(pool.route.targets)
            # Another deployment need not be waited for.
            wait = 0.0 if untried else pool.backoff.before(self._retries, error.retry_after, self.jitter)
            in_time = asyncio.get_running_loop().time() + wait < self.deadline
            if in_time and wait <= settings.retries.longest and pool.budget.spend():
                return wait
        if self._fallbacks is None:
            self._fallbacks = [name for name in _fallbacks(settings.fallback, error) if self.may_use(name)]
        if not self._fallbacks or asyncio.get_running_loop().time() >= self.deadline:
            raise error
        self.route = self.router.route(self._fallbacks.pop(0))
        self._tried.clear()
        self._retries = 0
        return 0.0


def _fallbacks(settings: Fallback, error: ApiError) -> tuple[str, ...]:
    if error.kind in _BY_KIND:
        named: tuple[str, ...] = getattr(settings, _BY_KIND[error.kind])
        return named
    # What is wrong with the request itself is wrong elsewhere too.
    return settings.any if error.upstream is not None and error.kind.value.http >= 429 else ()


async def watched(condition: Condition, batches: Batches) -> Batches:
    """The batches, while the deployment's condition takes note of how it does."""
    condition.begin()
    started = time.monotonic()
    begun = False
    try:
        async with aclosing(batches):
            async for batch in batches:
                if not begun:
                    begun = True
                    condition.saw_first_token(time.monotonic() - started)
                yield batch
        condition.succeeded()
    except ApiError as error:
        if error.kind.value.retryable:
            condition.failed()
        elif error.upstream is None or error.kind is Kind.TOTAL_TIMEOUT:
            # It was refused before it was sent, or its own time was too short: nothing was learnt.
            condition.abandoned()
        else:
            condition.succeeded()
        raise
    except BaseException:
        condition.abandoned()
        raise
    finally:
        condition.end()
