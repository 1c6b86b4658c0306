"""Chat completions for callers that speak gRPC."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass

from grpc.aio import ServicerContext
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceServicer
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.auth import Keyring
from service.codec import DecodeError, validate_raw_json
from service.errors import ApiError, Kind
from service.faces.failure import Answering
from service.faces.metadata import REQUEST_ID, admit
from service.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class ChatFace(ChatServiceServicer):
    """Serves parley.chat.v1.ChatService."""

    pipeline: Pipeline
    keyring: Keyring

    async def CreateCompletion(  # noqa: N802  # the contract's name
        self, request: CompletionRequest, context: ServicerContext[CompletionRequest, Awaitable[Completion]]
    ) -> Completion:
        """Answers with the whole completion."""
        async with Answering(context) as metadata:
            admitted = admit(context, metadata, self.keyring, face="grpc")
            _check(request)
            completion = await self.pipeline.complete(request, admitted)
            if extra := admitted.report.headers():
                await context.send_initial_metadata(extra)
            return completion

    async def StreamCompletion(  # noqa: N802  # the contract's name
        self, request: CompletionRequest, context: ServicerContext[CompletionRequest, AsyncIterator[CompletionChunk]]
    ) -> AsyncIterator[CompletionChunk]:
        """Answers with the completion as it is generated."""
        async with Answering(context) as metadata:
            admitted = admit(context, metadata, self.keyring, face="grpc")
            _check(request)
            async with aclosing(self.pipeline.stream(request, admitted)) as batches:
                begun = False
                async for batch in batches:
                    if not begun:
                        if extra := admitted.report.headers():
                            await context.send_initial_metadata(extra)
                        begun = True
                    for chunk in batch:
                        yield chunk
            if admitted.report.disobeyed:
                context.set_trailing_metadata(
                    ((REQUEST_ID, metadata.request_id), ("x-parley-disobeyed", admitted.report.disobeyed))
                )


def _check(request: CompletionRequest) -> None:
    try:
        validate_raw_json(request)
    except DecodeError as error:
        raise ApiError(Kind.INVALID_JSON, str(error), param=error.path) from None
