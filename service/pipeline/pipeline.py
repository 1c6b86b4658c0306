"""Takes a request through all its steps, over batches of chunks; a whole answer is the fold of its stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.backends.dialect import Target
from service.backends.fields import Emulated
from service.errors import ApiError, Kind
from service.pipeline import best_of
from service.pipeline.account import Account
from service.pipeline.context import RequestContext
from service.pipeline.fanout import fan_out
from service.pipeline.fit import fit
from service.pipeline.fold import Fold
from service.pipeline.functions import tools_to_functions
from service.pipeline.guide import Guide
from service.pipeline.normalize import Normalizer
from service.pipeline.prepare import prepare
from service.pipeline.report import Policy
from service.routing import Router
from service.upstream import Driver

Batches = AsyncGenerator[list[CompletionChunk], None]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Holds no state of a request, so that any number of them may run at once."""

    router: Router
    driver: Driver
    policy: Policy | None = None
    """What to do with fields that a vendor cannot honour, where neither the request nor its key says it."""

    def stream(self, request: CompletionRequest, context: RequestContext) -> Batches:
        """The answer as it is generated. To be closed by the caller (contextlib.aclosing). Raises ApiError.

        `context.report` is complete, but for whether the answer obeyed its guide, when the first batch comes.
        """
        return self._run(request, context, stream=True)

    async def complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        """The whole answer. Raises ApiError."""
        chosen = (request.n or 1, request.logprobs) if request.best_of > 1 else None
        fold = Fold()
        async with aclosing(self._run(request, context, stream=False)) as batches:
            async for batch in batches:
                for chunk in batch:
                    fold.add(chunk)
        completion = fold.result()
        if chosen is not None:
            number, keep_logprobs = chosen
            best_of.choose(completion, number, request.model.partition("/")[0], keep_logprobs=keep_logprobs)
        return completion

    async def _run(self, request: CompletionRequest, context: RequestContext, *, stream: bool) -> Batches:
        with Account(context, request.model, stream=stream) as account:
            speaks_of_functions = prepare(request, context, stream=stream)
            route = self.router.route(request.model)
            target = account.target = route.target
            policy = context.policy or self.policy
            fit(request, target, policy, context.report)
            _emulate_best_of(request, context)
            guide = Guide.of(request)
            normalizer = account.answer = Normalizer(route.name)
            async with aclosing(self._answer(request, target, context, stream=stream)) as batches:
                async for batch in batches:
                    if normal := normalizer.batch(batch):
                        if speaks_of_functions:
                            tools_to_functions(normal)
                        if guide is not None:
                            guide.follow(normal)
                        account.saw_chunks(len(normal))
                        yield normal
            if guide is not None and not guide.obeyed(request):
                _tell_disobedience(guide.name, target, policy, context)
            usage_wanted = not stream or request.stream_options.include_usage
            if usage_wanted and (last := normalizer.last()):
                yield [last]

    def _answer(self, request: CompletionRequest, target: Target, context: RequestContext, *, stream: bool) -> Batches:
        """The vendor's answer, or the merged answers of several requests where it gives one at a time."""
        deadline = _deadline(request, context, target.timeouts.total)

        def run(_: int = 0) -> Batches:
            return self.driver.run(request, target, stream=stream, request_id=context.request_id, deadline=deadline)

        number = request.n
        if number <= 1 or not isinstance(target.fields["n"], Emulated):
            return run()
        context.report.emulated.append("n")
        request.ClearField("n")
        return fan_out(number, run)


def _emulate_best_of(request: CompletionRequest, context: RequestContext) -> None:
    if request.best_of > 1:
        context.report.emulated.append("best_of")
        best_of.ask_for_all(request)
    request.ClearField("best_of")


def _tell_disobedience(name: str, target: Target, policy: Policy | None, context: RequestContext) -> None:
    if policy is Policy.STRICT:
        problem = f"{name}: {target.vendor} gave an answer that does not follow it"
        raise ApiError(Kind.DISOBEYED, problem, param=name)
    context.report.disobeyed = name


def _deadline(request: CompletionRequest, context: RequestContext, total: float) -> float:
    seconds = min(total, request.inference_timeout) if request.HasField("inference_timeout") else total
    deadline = asyncio.get_running_loop().time() + seconds
    return deadline if context.deadline is None else min(deadline, context.deadline)
