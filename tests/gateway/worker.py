"""A worker that answers what a test scripts, over the contract's own services, so that only Envoy is under test."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from parley.chat.v1 import (
    chat_service_pb2_grpc,
    completion_pb2,
    model_service_pb2,
    model_service_pb2_grpc,
    rest_service_pb2_grpc,
)

Context = grpc.aio.ServicerContext[Any, Any]
Chat = Callable[[HttpBody, Context], AsyncIterator[HttpBody]]
Create = Callable[[completion_pb2.CompletionRequest, Context], Awaitable[completion_pb2.Completion]]
Stream = Callable[[completion_pb2.CompletionRequest, Context], AsyncIterator[completion_pb2.CompletionChunk]]
GetModel = Callable[[model_service_pb2.GetModelRequest, Context], Awaitable[model_service_pb2.Model]]


async def _chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
    yield HttpBody(content_type="application/json", data=b'{"ok": true}')


async def _create(request: completion_pb2.CompletionRequest, context: Context) -> completion_pb2.Completion:
    return completion_pb2.Completion(id="1", model=request.model)


async def _stream(
    request: completion_pb2.CompletionRequest, context: Context
) -> AsyncIterator[completion_pb2.CompletionChunk]:
    for number in range(2):
        yield completion_pb2.CompletionChunk(id=str(number), model=request.model)


async def _get_model(request: model_service_pb2.GetModelRequest, context: Context) -> model_service_pb2.Model:
    return model_service_pb2.Model(id=request.model, object="model")


@dataclass(slots=True)
class Script:
    """What the worker answers. A test replaces what it needs."""

    chat: Chat = _chat
    create: Create = _create
    stream: Stream = _stream
    get_model: GetModel = _get_model
    seen: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Metadata of each call, oldest first."""

    def note(self, context: Context) -> None:
        metadata = context.invocation_metadata() or ()
        self.seen.append({key: value if isinstance(value, str) else value.hex() for key, value in metadata})


class _Rest(rest_service_pb2_grpc.RestServiceServicer):
    def __init__(self, script: Script) -> None:
        self._script = script

    async def ChatCompletions(self, request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:  # noqa: N802 - the contract's name
        self._script.note(context)
        async for message in self._script.chat(request, context):
            yield message


class _Chat(chat_service_pb2_grpc.ChatServiceServicer):
    def __init__(self, script: Script) -> None:
        self._script = script

    async def CreateCompletion(  # noqa: N802 - the contract's name
        self, request: completion_pb2.CompletionRequest, context: Context
    ) -> completion_pb2.Completion:
        self._script.note(context)
        return await self._script.create(request, context)

    async def StreamCompletion(  # noqa: N802 - the contract's name
        self, request: completion_pb2.CompletionRequest, context: Context
    ) -> AsyncIterator[completion_pb2.CompletionChunk]:
        self._script.note(context)
        async for message in self._script.stream(request, context):
            yield message


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, script: Script) -> None:
        self._script = script

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: model_service_pb2.ListModelsRequest, context: Context
    ) -> model_service_pb2.ListModelsResponse:
        self._script.note(context)
        return model_service_pb2.ListModelsResponse(object="list", data=[model_service_pb2.Model(id="a/b")])

    async def GetModel(self, request: model_service_pb2.GetModelRequest, context: Context) -> model_service_pb2.Model:  # noqa: N802 - the contract's name
        self._script.note(context)
        return await self._script.get_model(request, context)

    async def ListModelDefinitions(  # noqa: N802 - the contract's name
        self, request: model_service_pb2.ListModelDefinitionsRequest, context: Context
    ) -> model_service_pb2.ListModelDefinitionsResponse:
        self._script.note(context)
        definition = model_service_pb2.ModelDefinition(model_name=f"{request.limit}")
        return model_service_pb2.ListModelDefinitionsResponse(object="list", items=[definition])


@asynccontextmanager
async def serving(socket: Path, script: Script) -> AsyncGenerator[None]:
    """Serves the script on a unix socket, healthy from the start."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.aio.server(options=unlimited)
    rest_service_pb2_grpc.add_RestServiceServicer_to_server(_Rest(script), server)
    chat_service_pb2_grpc.add_ChatServiceServicer_to_server(_Chat(script), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(script), server)
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    await status.set("", health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection(["parley.chat.v1.ChatService", reflection.SERVICE_NAME], server)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)
