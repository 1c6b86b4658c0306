"""Takes requests through all their steps; a whole answer is the fold of its stream."""

from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import Completion, CompletionRequest

from service.local.renderer import Renderer
from service.pipeline import best_of
from service.pipeline.account import Account, Accounting
from service.pipeline.answer import Answer
from service.pipeline.context import RequestContext
from service.pipeline.fold import Fold
from service.pipeline.idempotency import Repeats
from service.pipeline.report import Policy
from service.routing import Router
from service.upstream import Driver, Images


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

    def stream(self, request: CompletionRequest, context: RequestContext) -> Answer:
        """The answer as it is generated. To be closed by the caller (contextlib.aclosing). Raises ApiError.

        `context.report` is complete, but for whether the answer obeyed its guide, when the first batch comes.
        """
        return Answer(self, request, context, stream=True)

    async def complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        """The whole answer, or the one that was given before to the same idempotency key. Raises ApiError."""
        if context.idempotency_key:
            account = Account(self.accounting, context, request.model, stream=False)
            return await self.repeats.complete(self._complete, request, context, account)
        return await self._complete(request, context)

    async def _complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        fold = Fold()
        answer = Answer(self, request, context, stream=False)
        try:
            async for batch in answer:
                fold.batch(batch)
        finally:
            await answer.aclose()
        completion = fold.result()
        if "best_of" in context.report.emulated:
            vendor = context.report.model.partition("/")[0]
            best_of.choose(completion, request.n or 1, vendor, keep_logprobs=request.logprobs)
        return completion
