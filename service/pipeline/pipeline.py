"""Takes a request through all its steps, over batches of chunks; a whole answer is the fold of its stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.backends.dialect import Target
from service.backends.fields import Emulated
from service.errors import ApiError, Kind
from service.local.renderer import Renderer
from service.pipeline import best_of
from service.pipeline.account import Account
from service.pipeline.attempts import Attempts
from service.pipeline.context import RequestContext
from service.pipeline.fanout import fan_out
from service.pipeline.fit import fit
from service.pipeline.fold import Fold
from service.pipeline.functions import tools_to_functions
from service.pipeline.guide import Guide
from service.pipeline.idempotency import Repeats
from service.pipeline.images import bring_images
from service.pipeline.normalize import Normalizer
from service.pipeline.prepare import prepare
from service.pipeline.report import Policy
from service.pipeline.template import render_template
from service.routing import Router
from service.routing.pool import Place
from service.upstream import Driver, ImageFetcher

Batches = AsyncGenerator[list[CompletionChunk], None]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Holds no state of a request, so that any number of them may run at once."""

    router: Router
    driver: Driver
    policy: Policy | None = None
    """What to do with fields that a vendor cannot honour, where neither the request nor its key says it."""
    renderer: Renderer = field(default_factory=Renderer)
    """Renders callers' chat templates where the vendor cannot."""
    images: ImageFetcher = field(default_factory=ImageFetcher)
    """Fetches callers' images where the vendor does not."""

    repeats: Repeats = field(default_factory=Repeats)
    """Answers kept for callers who ask again."""

    def stream(self, request: CompletionRequest, context: RequestContext) -> Batches:
        """The answer as it is generated. To be closed by the caller (contextlib.aclosing). Raises ApiError.

        `context.report` is complete, but for whether the answer obeyed its guide, when the first batch comes.
        """
        return self._run(request, context, stream=True)

    async def complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        """The whole answer, or the one that was given before to the same idempotency key. Raises ApiError."""
        if context.idempotency_key:
            return await self.repeats.complete(self._complete, request, context)
        return await self._complete(request, context)

    async def _complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        fold = Fold()
        async with aclosing(self._run(request, context, stream=False)) as batches:
            async for batch in batches:
                for chunk in batch:
                    fold.add(chunk)
        completion = fold.result()
        if "best_of" in context.report.emulated:
            vendor = request.model.partition("/")[0]
            best_of.choose(completion, request.n or 1, vendor, keep_logprobs=request.logprobs)
        return completion

    async def _run(self, request: CompletionRequest, context: RequestContext, *, stream: bool) -> Batches:
        with Account(context, request.model, stream=stream) as account:
            speaks_of_functions = prepare(request, context, stream=stream)
            route = self.router.route(request.model)
            deadline = _deadline(request, context, route.total_timeout)
            attempts = account.attempts = Attempts(
                self.router, request, route, deadline, context.report, context.caller.may_use
            )
            normalizer = account.answer = Normalizer(request.model)
            guide = Guide.of(request)

            def attempt(place: Place) -> Batches:
                return self._attempt(attempts.copy(), place.target, context, deadline, stream=stream)

            async with aclosing(attempts.run(attempt)) as batches:
                async for batch in batches:
                    if normal := normalizer.batch(batch):
                        if speaks_of_functions:
                            tools_to_functions(normal)
                        if guide is not None:
                            guide.follow(normal)
                        account.saw_chunks(len(normal))
                        yield normal
            if guide is not None and not guide.obeyed(attempts.sent):
                _tell_disobedience(guide.name, attempts, context.policy or self.policy)
            usage_wanted = not stream or request.stream_options.include_usage
            if usage_wanted and (last := normalizer.last()):
                yield [last]

    async def _attempt(
        self, request: CompletionRequest, target: Target, context: RequestContext, deadline: float, *, stream: bool
    ) -> Batches:
        """The answer of one deployment, to the request in the form that it can have there, which it is changed into."""
        fit(request, target, context.policy or self.policy, context.report)
        _emulate_best_of(request, context)
        if target.dialect.needs_image_bytes:
            await bring_images(request, self.images, deadline)
        target = await render_template(request, target, self.renderer)

        def run(index: int = 0) -> Batches:
            one = _with_seed_of(request, index)
            return self.driver.run(one, target, stream=stream, request_id=context.request_id, deadline=deadline)

        number = request.n
        if number > 1 and isinstance(target.fields["n"], Emulated):
            context.report.emulated.append("n")
            request.ClearField("n")
            answer = fan_out(number, run)
        else:
            answer = run()
        async with aclosing(answer) as batches:
            async for batch in batches:
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


def _emulate_best_of(request: CompletionRequest, context: RequestContext) -> None:
    if request.best_of > 1:
        context.report.emulated.append("best_of")
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
