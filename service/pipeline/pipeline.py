"""Takes a request through all its steps, over batches of chunks; a whole answer is the fold of its stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.pipeline.account import Account
from service.pipeline.context import RequestContext
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from service.pipeline.prepare import prepare
from service.routing import Router
from service.upstream import Driver

Batches = AsyncGenerator[list[CompletionChunk], None]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Holds no state of a request, so that any number of them may run at once."""

    router: Router
    driver: Driver

    def stream(self, request: CompletionRequest, context: RequestContext) -> Batches:
        """The answer as it is generated. To be closed by the caller (contextlib.aclosing). Raises ApiError."""
        return self._run(request, context, stream=True)

    async def complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        """The whole answer. Raises ApiError."""
        fold = Fold()
        async with aclosing(self._run(request, context, stream=False)) as batches:
            async for batch in batches:
                for chunk in batch:
                    fold.add(chunk)
        return fold.result()

    async def _run(self, request: CompletionRequest, context: RequestContext, *, stream: bool) -> Batches:
        with Account(context, request.model, stream=stream) as account:
            prepare(request, context.caller)
            route = self.router.route(request.model)
            account.target = route.target
            normalizer = account.answer = Normalizer(route.name)
            batches = self.driver.run(
                request,
                route.target,
                stream=stream,
                request_id=context.request_id,
                deadline=_deadline(request, context, route.target.timeouts.total),
            )
            async with aclosing(batches):
                async for batch in batches:
                    if normal := normalizer.batch(batch):
                        account.saw_chunks(len(normal))
                        yield normal
            usage_wanted = not stream or request.stream_options.include_usage
            if usage_wanted and (last := normalizer.last()):
                yield [last]


def _deadline(request: CompletionRequest, context: RequestContext, total: float) -> float:
    seconds = min(total, request.inference_timeout) if request.HasField("inference_timeout") else total
    deadline = asyncio.get_running_loop().time() + seconds
    return deadline if context.deadline is None else min(deadline, context.deadline)
