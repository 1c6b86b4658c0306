"""Chat completions for callers that speak gRPC."""

from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import dataclass

from grpc.aio import ServicerContext
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceServicer
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.backends.run import expanded
from service.codec import DecodeError, validate_raw_json
from service.errors import ApiError, Kind, bounds
from service.faces.admission import Admission
from service.faces.failure import Answering
from service.faces.merging import merging_of
from service.faces.metadata import REQUEST_ID, admit
from service.faces.serving import Current


@dataclass(frozen=True, slots=True)
class ChatFace(ChatServiceServicer):
    """Serves parley.chat.v1.ChatService."""

    current: Current

    async def CreateCompletion(  # noqa: N802  # the contract's name
        self, request: CompletionRequest, context: ServicerContext[CompletionRequest, Awaitable[Completion]]
    ) -> Completion:
        """Answers with the whole completion."""
        serving = self.current()
        async with Answering(context) as metadata:
            with Admission(serving.pipeline.accounting, metadata.request_id, "grpc") as admission:
                admitted = admission.context = admit(context, metadata, serving.keyring, face="grpc")
                _check(request)
            completion = await serving.pipeline.complete(request, admitted)
            if extra := admitted.report.headers():
                await context.send_initial_metadata(extra)
            return completion

    async def StreamCompletion(  # type: ignore[override]  # noqa: N802  # written to, not iterated: it costs less so
        self, request: CompletionRequest, context: ServicerContext[CompletionRequest, CompletionChunk]
    ) -> None:
        """Answers with the completion as it is generated."""
        serving = self.current()
        async with Answering(context) as metadata:
            with Admission(serving.pipeline.accounting, metadata.request_id, "grpc") as admission:
                admitted = admission.context = admit(context, metadata, serving.keyring, face="grpc")
                _check(request)
            merge = merging_of(metadata)
            async with aclosing(serving.pipeline.stream(request, admitted)) as batches:
                begun = False
                async for batch in batches:
                    if not begun:
                        if extra := admitted.report.headers():
                            await context.send_initial_metadata(extra)
                        begun = True
                    for chunk in expanded(batch if merge is None else merge(batch)):
                        await context.write(chunk)
            if admitted.report.disobeyed:
                context.set_trailing_metadata(
                    (
                        (REQUEST_ID, metadata.request_id),
                        ("x-parley-disobeyed", bounds.header(admitted.report.disobeyed, bounds.NAME)),
                    )
                )


def _check(request: CompletionRequest) -> None:
    try:
        validate_raw_json(request)
    except DecodeError as error:
        raise ApiError(Kind.INVALID_JSON, str(error), param=error.path) from None
