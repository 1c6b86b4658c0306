"""Takes a request through all its steps, over batches of chunks; a whole answer is the fold of its stream."""

import asyncio
from collections.abc import AsyncGenerator
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import Completion, CompletionRequest

from service.backends.dialect import Target
from service.backends.fields import Emulated
from service.backends.run import Last, Piece, sample
from service.errors import ApiError, Kind
from service.local.renderer import Renderer
from service.pipeline import best_of
from service.pipeline.account import Account, Accounting
from service.pipeline.attempt import Attempt
from service.pipeline.attempts import Attempts
from service.pipeline.context import RequestContext
from service.pipeline.fanout import fan_out
from service.pipeline.fit import fit
from service.pipeline.fold import Fold
from service.pipeline.functions import tools_to_functions
from service.pipeline.guide import Guide
from service.pipeline.idempotency import Repeats
from service.pipeline.images import RequestImages, bring_images
from service.pipeline.normalize import Normalizer
from service.pipeline.prepare import prepare
from service.pipeline.relay import relayed
from service.pipeline.report import Policy, Report
from service.pipeline.template import render_template
from service.routing import Route, Router
from service.upstream import Driver, Images

Batches = AsyncGenerator[list[Piece], None]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Holds no state of a request, so that any number of them may run at once."""

    router: Router
    driver: Driver
    policy: Policy | None = None
    """What to do with fields that a vendor cannot honour, where neither the request nor its key says it."""
    renderer: Renderer = field(default_factory=Renderer)
    """Renders callers' chat templates where the vendor cannot."""
    images: Images = field(default_factory=Images)
    """Fetches callers' images where the vendor does not."""

    repeats: Repeats = field(default_factory=Repeats)
    """Answers kept for callers who ask again."""
    accounting: Accounting = field(default_factory=Accounting)
    """Who is told of requests."""

    def stream(self, request: CompletionRequest, context: RequestContext) -> Batches:
        """The answer as it is generated. To be closed by the caller (contextlib.aclosing). Raises ApiError.

        `context.report` is complete, but for whether the answer obeyed its guide, when the first batch comes.
        """
        return self._run(request, context, stream=True)

    async def complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        """The whole answer, or the one that was given before to the same idempotency key. Raises ApiError."""
        if context.idempotency_key:
            account = Account(self.accounting, context, request.model, stream=False)
            return await self.repeats.complete(self._complete, request, context, account)
        return await self._complete(request, context)

    async def _complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        fold = Fold()
        async with aclosing(self._run(request, context, stream=False)) as batches:
            async for batch in batches:
                fold.batch(batch)
        completion = fold.result()
        if "best_of" in context.report.emulated:
            vendor = request.model.partition("/")[0]
            best_of.choose(completion, request.n or 1, vendor, keep_logprobs=request.logprobs)
        return completion

    async def _run(self, request: CompletionRequest, context: RequestContext, *, stream: bool) -> Batches:
        with Account(self.accounting, context, request.model, stream=stream) as account:
            prepared = prepare(request, context, stream=stream)
            route = self.router.route(request.model)
            account.routed(route)
            deadline = _deadline(request, context, route.total_timeout)
            attempts = account.attempts = Attempts(
                self.router,
                request,
                route,
                deadline,
                context.report,
                context.caller.may_use,
                stream=stream,
                waiting=account.waiting,
            )
            normalizer = account.answer = Normalizer(request.model)
            guide = Guide.of(request) if prepared.guided else None
            images = RequestImages(self.images)

            def answer(attempt: Attempt) -> Batches:
                return self._attempt(
                    attempt, attempts.route, account, context, images, deadline, prepared.uses, stream=stream
                )

            last = Last()
            async with aclosing(attempts.run(answer)) as batches:
                async for batch in batches:
                    images.forget()
                    if normal := normalizer.batch(batch):
                        if prepared.functions:
                            normal = tools_to_functions(normal)
                        if guide is not None:
                            guide.follow(normal)
                        account.saw(normal)
                        if account.content is not None:
                            account.content.batch(normal)
                        if isinstance(batch, Last):
                            last += normal
                        else:
                            yield normal
            if guide is not None and not guide.obeyed(attempts.sent):
                if last:
                    yield last
                    last = Last()
                _tell_disobedience(guide.name, attempts, context.policy or self.policy)
            usage_wanted = not stream or request.stream_options.include_usage
            if usage_wanted and (usage := normalizer.last()):
                last.append(usage)
            if last:
                yield last

    async def _attempt(
        self,
        attempt: Attempt,
        route: Route,
        account: Account,
        context: RequestContext,
        images: RequestImages,
        deadline: float,
        uses: AbstractSet[str],
        *,
        stream: bool,
    ) -> Batches:
        """The answer of one deployment, to the request in the form that it can have there, which it is changed into."""
        request, target, report = attempt.request, attempt.place.target, attempt.report
        policy = context.policy or self.policy
        fit(request, target, policy, report, uses)
        _emulate_best_of(request, target, report)
        if target.dialect.needs_image_bytes:
            await bring_images(request, images, deadline)
        target = await render_template(request, target, self.renderer)
        target = relayed(target, context, report, policy)
        exchange = account.exchange(route, attempt)

        def run(index: int = 0) -> Batches:
            one = _with_seed_of(request, index)
            return self.driver.run(
                one,
                target,
                stream=stream,
                request_id=context.request_id,
                deadline=deadline,
                headers=exchange.headers,
                waiting=account.waiting,
            )

        number = request.n
        if number > 1 and isinstance(target.fields["n"], Emulated):
            report.emulated.append("n")
            request.ClearField("n")
            answer = fan_out(number, run)
        else:
            answer = run()
        with exchange:
            async with aclosing(answer) as batches:
                async for batch in batches:
                    if not exchange.begun:
                        exchange.begin(sample(batch[0]))
                    yield batch


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
