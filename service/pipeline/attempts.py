"""Tries the places where a request may be answered, one after the other, until one begins to answer it."""

import asyncio
import random
from collections.abc import Callable

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.config.model import Fallback
from service.errors import ApiError, Kind
from service.errors.failover import Fault, fault_of
from service.pipeline.attempt import OVERTAKEN, Attempt, Open
from service.pipeline.hedge import race
from service.pipeline.report import Report
from service.routing import Route, Router
from service.routing.condition import Condition
from service.routing.hedging import Hedging
from service.routing.pool import Place
from service.waiting import Waiting

_BY_KIND = {Kind.CONTEXT_LENGTH: "context_length", Kind.CONTENT_FILTER: "content_filter"}
"""Refusals that lie with the model, for which there may be other models; everything else is `any`."""


class Attempts:
    """What was tried for one request, and what can be tried next; never reused.

    Everything here happens before the first chunk is out: an answer that has begun is never begun again.

    :param deadline: when the request's time is over, on the event loop's clock.
    :param may_use: whether the caller's key is good for a model: a fallback opens no model that it is not good for.
    :param stream: whether the answer is wanted as it is generated; one that is not begins only when it is complete.
    :param waiting: takes note of the time in line and between attempts.
    """

    __slots__ = (
        "_deadline",
        "_failed",
        "_fallbacks",
        "_jitter",
        "_may_use",
        "_request",
        "_retries",
        "_stream",
        "_tried",
        "_waiting",
        "fallbacks",
        "place",
        "report",
        "retries",
        "route",
        "router",
        "sent",
    )

    def __init__(
        self,
        router: Router,
        request: CompletionRequest,
        route: Route,
        deadline: float,
        report: Report,
        may_use: Callable[[str], bool],
        *,
        stream: bool = True,
        jitter: Callable[[], float] = random.random,
        waiting: Waiting | None = None,
    ) -> None:
        self.router = router
        self._request = request
        self.route = route
        """The model that is asked."""
        self._deadline = deadline
        self.report = report
        self._may_use = may_use
        self._stream = stream
        self._jitter = jitter
        self._waiting = waiting or Waiting()
        self.place: Place | None = None
        """Where the last attempt went, or the one that answers."""
        self.sent = request
        """The request as the attempt that answers changed it to fit the place."""
        self.retries = 0
        """Attempts after one that failed, at the same model."""
        self.fallbacks: list[str] = []
        """Further models that were asked, by their names in the configuration."""
        self._tried: list[Condition] = []
        self._failed: ApiError | None = None
        """How the last attempt at this model failed whose request was sent."""
        self._retries = 0
        self._fallbacks: list[str] | None = None

    async def begin(self, open_: Open) -> Attempt:
        """The first attempt that begins an answer. To be closed by the caller.

        ApiError of the last attempt where none does.
        """
        self.route.pool.request()
        while True:
            try:
                begun = await self._begin(open_)
            except ApiError as error:
                wait = self._wait_before_next(error)
                with self._waiting:
                    await asyncio.sleep(wait)
            else:
                self._take_over(begun)
                return begun

    async def _begin(self, open_: Open) -> Attempt:
        route, pool = self.route, self.route.pool
        made: list[Attempt] = []

        def attempt(place: Place) -> Attempt:
            self.place = place
            self._tried.append(place.condition)
            hedge = bool(made)
            made.append(Attempt(place, self._request, self._deadline, hedge=hedge, waiting=self._waiting))
            return made[-1]

        def second() -> Attempt | None:
            place = pool.spare(route.name, self._request, self._tried)
            if place is None or pool.hedging is None or not pool.hedging.budget.spend():
                return None
            return attempt(place)

        first = attempt(pool.choose(route.name, self._request, self._tried, deployment=route.deployment))
        try:
            if pool.hedging is None or route.deployment:
                await first.begin(open_)
                begun = first
            else:
                begun = await race(first, second, open_, pool.hedging.after(stream=self._stream))
                self._learn_of(pool.hedging, first, begun)
        except BaseException:
            self.report.attempts += [told for each in made for told in each.told]
            raise
        self.report.attempts += [told for each in made if each is not begun for told in each.told]
        self.report.attempts += begun.told
        return begun

    def _learn_of(self, hedging: Hedging, first: Attempt, answers: Attempt) -> None:
        overtaken = first.outcome == OVERTAKEN
        # One that was overtaken would have taken longer still; without it, slow ones would count ever less.
        seconds = asyncio.get_running_loop().time() - (first if overtaken else answers).since
        hedging.saw(seconds, stream=self._stream)
        if overtaken:
            first.place.condition.overtaken(seconds)

    def _take_over(self, attempt: Attempt) -> None:
        """What one attempt did with the request becomes what was done with it."""
        self.place = attempt.place
        self.sent = attempt.request
        self.report.take_over(attempt.report)
        self.report.model = attempt.place.model

    def _wait_before_next(self, error: ApiError) -> float:
        """Seconds until the next attempt, which goes where `route` says; raises the error where there is none."""
        pool = self.route.pool
        settings = pool.route.settings
        untried = not self.route.deployment and len({*self._tried}) < pool.open
        if error.kind is Kind.UNSUPPORTED and error.upstream is None:
            if untried:
                # Nothing was sent, so this is no retry; a sibling of another dialect may honour the request.
                return 0.0
            # What a vendor said weighs more than that another could not be asked.
            error = self._failed or error
        else:
            self._failed = error
        fault = fault_of(error.kind)
        mendable = fault is Fault.VENDOR or (fault is Fault.PLACE and error.upstream is not None and untried)
        if mendable and self._retries < settings.retries.attempts:
            self._retries += 1
            # Another deployment need not be waited for.
            wait = 0.0 if untried else pool.backoff.before(self._retries, error.retry_after, self._jitter)
            in_time = asyncio.get_running_loop().time() + wait < self._deadline
            # The budget is against storms at one place; siblings are few, and each is asked once.
            if in_time and wait <= settings.retries.longest and (untried or pool.budget.spend()):
                self.retries += 1
                return wait
        if self._fallbacks is None:
            self._fallbacks = [name for name in _fallbacks(settings.fallback, error) if self._may_use(name)]
        if not self._fallbacks or asyncio.get_running_loop().time() >= self._deadline:
            error.attempts = tuple(self.report.attempts)
            raise error
        self.route = self.router.route(self._fallbacks.pop(0))
        self.fallbacks.append(self.route.configured)
        self.route.pool.request()
        self._tried.clear()
        self._failed = None
        self._retries = 0
        return 0.0


def _fallbacks(settings: Fallback, error: ApiError) -> tuple[str, ...]:
    if error.kind in _BY_KIND:
        named: tuple[str, ...] = getattr(settings, _BY_KIND[error.kind])
        return named
    elsewhere = error.upstream is not None and fault_of(error.kind) in {Fault.PLACE, Fault.VENDOR}
    return settings.any if elsewhere else ()
