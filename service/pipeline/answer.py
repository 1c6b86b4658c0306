"""The answer to one request: brought about by attempts, made alike for all vendors, kept account of."""

import asyncio
from collections.abc import Set as AbstractSet
from typing import Protocol, Self

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.batches import Batches
from service.backends.dialect import Target
from service.backends.fields import Emulated
from service.backends.run import Last, Piece
from service.errors import ApiError, Kind
from service.local.renderer import Renderer
from service.pipeline import best_of
from service.pipeline.account import Account, Accounting
from service.pipeline.attempt import Attempt
from service.pipeline.attempts import Attempts
from service.pipeline.context import RequestContext
from service.pipeline.fanout import fan_out
from service.pipeline.fit import fit
from service.pipeline.functions import tools_to_functions
from service.pipeline.guide import Guide
from service.pipeline.images import RequestImages, bring_images
from service.pipeline.normalize import Normalizer
from service.pipeline.prepare import prepare
from service.pipeline.relay import relayed
from service.pipeline.report import Policy, Report
from service.pipeline.template import render_template
from service.routing import Router
from service.upstream import Driver, Images


class Means(Protocol):
    """What all answers are brought about by."""

    @property
    def router(self) -> Router: ...
    @property
    def driver(self) -> Driver: ...
    @property
    def policy(self) -> Policy | None: ...
    @property
    def renderer(self) -> Renderer: ...
    @property
    def images(self) -> Images: ...
    @property
    def accounting(self) -> Accounting: ...


class Answer:
    """The batches of one answer, as callers get them (service.backends.batches.Batches); never reused.

    It is accounted for from when it is made until it ends or is closed; the first batch makes the request go out.
    """

    __slots__ = (
        "_account",
        "_attempt",
        "_attempts",
        "_context",
        "_deadline",
        "_functions",
        "_guide",
        "_images",
        "_last",
        "_means",
        "_normalizer",
        "_over",
        "_reading",
        "_request",
        "_stream",
        "_usage_wanted",
        "_uses",
    )

    def __init__(self, means: Means, request: CompletionRequest, context: RequestContext, *, stream: bool) -> None:
        self._means = means
        self._request = request
        self._context = context
        self._stream = stream
        self._account = Account(means.accounting, context, request.model, stream=stream)
        self._normalizer = Normalizer(request.model)
        self._attempts: Attempts | None = None
        self._attempt: Attempt | None = None
        """The one that answers."""
        self._deadline = 0.0
        self._uses: AbstractSet[str] = frozenset()
        self._functions = False
        self._guide: Guide | None = None
        self._images: RequestImages | None = None
        self._last = Last()
        """What waits for what else the end brings."""
        self._reading = True
        self._usage_wanted = True
        self._over = False
        self._account.begin()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Piece]:
        if self._over:
            raise StopAsyncIteration
        try:
            attempt = self._attempt
            if attempt is None:
                attempt = self._attempt = await self._begin()
            while self._reading:
                try:
                    batch = await attempt.__anext__()
                except StopAsyncIteration:
                    self._reading = False
                    self._context.report.disobeyed = attempt.report.disobeyed
                    break
                if batch := self._take(batch):
                    return batch
            batch = self._rest()
        except BaseException as error:
            await self._close(error)
            raise
        if batch:
            return batch
        self._end(None)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Gives the answer up, unless it has ended."""
        if not self._over:
            await self._close(GeneratorExit())

    async def _begin(self) -> Attempt:
        """Takes the request through its checks, and asks until an answer begins."""
        request, context, account = self._request, self._context, self._account
        prepared = prepare(request, context, stream=self._stream)
        router, caller = self._means.router, context.caller
        route = router.route(request.model, caller)
        account.routed(route)
        self._deadline = _deadline(request, context, route.total_timeout)
        attempts = self._attempts = account.attempts = Attempts(
            router,
            request,
            route,
            self._deadline,
            context.report,
            lambda name: router.permits(name, caller),
            stream=self._stream,
            waiting=account.waiting,
        )
        account.answer = self._normalizer
        self._functions = prepared.functions
        self._uses = prepared.uses
        self._guide = Guide.of(request) if prepared.guided else None
        self._usage_wanted = not self._stream or request.stream_options.include_usage
        attempt = await attempts.begin(self._open)
        # There will be no further attempt that could want them.
        self._images = None
        return attempt

    async def _open(self, attempt: Attempt) -> Batches:
        """The answer of one deployment, to the request in the form that it can have there, which it is changed into."""
        means, context, account = self._means, self._context, self._account
        assert self._attempts is not None, "it makes the attempts"
        request, target, report = attempt.request, attempt.place.target, attempt.report
        policy = context.policy or means.policy
        fit(request, target, policy, report, self._uses)
        _emulate_best_of(request, target, report)
        if target.dialect.needs_image_bytes:
            # Shared by all attempts of the request.
            self._images = self._images or RequestImages(means.images)
            await bring_images(request, self._images, self._deadline)
        if request.chat_template:
            target = await render_template(request, target, means.renderer)
        if target.relays is not None:
            target = relayed(target, context, report, policy)
        exchange = attempt.exchange = account.exchange(self._attempts.route, attempt)

        def run(index: int = 0) -> Batches:
            return means.driver.run(
                _with_seed_of(request, index),
                target,
                stream=self._stream,
                request_id=context.request_id,
                deadline=self._deadline,
                headers=exchange.headers,
                waiting=account.waiting,
                on_resend=exchange.resend,
            )

        number = request.n
        if number > 1 and isinstance(target.fields["n"], Emulated):
            report.emulated.append("n")
            request.ClearField("n")
            return fan_out(number, run)
        return run()

    def _take(self, batch: list[Piece]) -> list[Piece]:
        """What of a batch goes to the caller at once."""
        normal = self._normalizer.batch(batch)
        if not normal:
            return normal
        if self._functions:
            normal = tools_to_functions(normal)
        if self._guide is not None:
            self._guide.follow(normal)
        account = self._account
        account.saw(normal)
        if account.content is not None:
            account.content.batch(normal)
        if isinstance(batch, Last):
            self._last += normal
            return []
        return normal

    def _rest(self) -> list[Piece]:
        """What is to be said when all has come; asked for until there is nothing. Raises ApiError (DISOBEYED)."""
        last = self._last
        guide = self._guide
        assert self._attempts is not None, "it is over"
        if guide is not None and not guide.obeyed(self._attempts.sent):
            if last:
                self._last = Last()
                return last
            self._guide = None
            _tell_disobedience(guide.name, self._attempts, self._context.policy or self._means.policy)
        if self._usage_wanted and (usage := self._normalizer.last()):
            last.append(usage)
        self._usage_wanted = False
        self._last = Last()
        return last

    async def _close(self, error: BaseException) -> None:
        try:
            if self._attempt is not None:
                await self._attempt.aclose()
        finally:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._over = True
        self._account.end(error)


def _with_seed_of(request: CompletionRequest, index: int) -> CompletionRequest:
    """The request for one of several answers: with one seed for all they would all be the same."""
    if not index or not request.HasField("seed"):
        return request
    one = CompletionRequest()
    one.CopyFrom(request)
    # Down where up would leave 64 bits.
    one.seed += index if request.seed < 2**62 else -index
    return one


def _emulate_best_of(request: CompletionRequest, target: Target, report: Report) -> None:
    if not isinstance(target.fields["best_of"], Emulated):
        return
    if request.best_of > 1:
        report.emulated.append("best_of")
        best_of.ask_for_all(request)
    request.ClearField("best_of")


def _tell_disobedience(name: str, attempts: Attempts, policy: Policy | None) -> None:
    if policy is Policy.STRICT:
        vendor = attempts.place.target.vendor if attempts.place else ""
        raise ApiError(Kind.DISOBEYED, f"{name}: {vendor} gave an answer that does not follow it", param=name)
    attempts.report.disobeyed = name


def _deadline(request: CompletionRequest, context: RequestContext, total: float) -> float:
    seconds = min(total, request.inference_timeout) if request.HasField("inference_timeout") else total
    deadline = asyncio.get_running_loop().time() + seconds
    return deadline if context.deadline is None else min(deadline, context.deadline)
