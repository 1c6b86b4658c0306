"""gRPC callers reach the worker as if there were nothing between."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from parley.chat.v1 import chat_service_pb2_grpc, completion_pb2

from tests.gateway.worker import Context, Script


async def test_unary_and_stream(worker: Script, channel: grpc.aio.Channel) -> None:
    stub = chat_service_pb2_grpc.ChatServiceStub(channel)
    request = completion_pb2.CompletionRequest(model="m")
    assert (await stub.CreateCompletion(request)).model == "m"
    assert [chunk.id async for chunk in stub.StreamCompletion(request)] == ["0", "1"]


async def test_chunks_are_passed_on_as_they_come(worker: Script, channel: grpc.aio.Channel) -> None:
    received = asyncio.Semaphore(0)

    async def stream(
        request: completion_pb2.CompletionRequest, context: Context
    ) -> AsyncIterator[completion_pb2.CompletionChunk]:
        for number in range(5):
            yield completion_pb2.CompletionChunk(id=str(number))
            await received.acquire()

    worker.stream = stream
    ids: list[str] = []
    async for chunk in chat_service_pb2_grpc.ChatServiceStub(channel).StreamCompletion(
        completion_pb2.CompletionRequest()
    ):
        ids.append(chunk.id)
        received.release()
    assert ids == ["0", "1", "2", "3", "4"]


async def test_metadata_and_status_details_are_untouched(worker: Script, channel: grpc.aio.Channel) -> None:
    detail = Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason="MODEL_NOT_FOUND", domain="parley"))
    status = status_pb2.Status(code=5, message='no "such" model é', details=[detail])

    async def create(request: completion_pb2.CompletionRequest, context: Context) -> completion_pb2.Completion:
        await context.send_initial_metadata([("x-parley-dropped", "seed"), ("x-http-code", "402")])
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        await context.abort(grpc.StatusCode.NOT_FOUND, status.message)
        return completion_pb2.Completion()

    worker.create = create
    call = chat_service_pb2_grpc.ChatServiceStub(channel).CreateCompletion(completion_pb2.CompletionRequest())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, status.message)
    trailing = dict(caught.value.trailing_metadata())
    assert trailing["grpc-status-details-bin"] == status.SerializeToString()
    initial = dict(caught.value.initial_metadata())
    assert (initial["x-parley-dropped"], initial["x-http-code"]) == ("seed", "402")


async def test_request_id_is_kept_and_comes_back(worker: Script, channel: grpc.aio.Channel) -> None:
    call = chat_service_pb2_grpc.ChatServiceStub(channel).CreateCompletion(
        completion_pb2.CompletionRequest(), metadata=[("x-request-id", "my-id")]
    )
    await call
    assert worker.seen[0]["x-request-id"] == "my-id"
    assert [value for key, value in await call.initial_metadata() if key == "x-request-id"] == ["my-id"]


async def test_worker_can_tell_that_a_call_was_not_transcoded(worker: Script, channel: grpc.aio.Channel) -> None:
    stub = chat_service_pb2_grpc.ChatServiceStub(channel)
    await stub.CreateCompletion(completion_pb2.CompletionRequest(), metadata=[("x-envoy-original-path", "/spoofed")])
    assert "x-envoy-original-path" not in worker.seen[0]


@pytest.mark.parametrize("deadline", [None, 100.0])
async def test_deadline_reaches_the_worker(deadline: float | None, worker: Script, channel: grpc.aio.Channel) -> None:
    remaining: list[float | None] = []

    async def create(request: completion_pb2.CompletionRequest, context: Context) -> completion_pb2.Completion:
        remaining.append(context.time_remaining())
        return completion_pb2.Completion()

    worker.create = create
    await chat_service_pb2_grpc.ChatServiceStub(channel).CreateCompletion(
        completion_pb2.CompletionRequest(), timeout=deadline
    )
    if deadline is None:
        assert remaining == [None]
    else:
        assert remaining[0] is not None
        assert deadline / 2 < remaining[0] < deadline * 2


async def test_large_message_passes(worker: Script, channel: grpc.aio.Channel) -> None:
    request = completion_pb2.CompletionRequest(suffix="x" * 20_000_000)
    sizes: list[int] = []

    async def create(request: completion_pb2.CompletionRequest, context: Context) -> completion_pb2.Completion:
        sizes.append(len(request.suffix))
        return completion_pb2.Completion()

    worker.create = create
    await chat_service_pb2_grpc.ChatServiceStub(channel).CreateCompletion(request)
    assert sizes == [20_000_000]


async def test_health(worker: Script, channel: grpc.aio.Channel) -> None:
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=HealthCheckRequest.SerializeToString,
        response_deserializer=HealthCheckResponse.FromString,
    )
    assert (await check(HealthCheckRequest())).status == HealthCheckResponse.SERVING


async def test_reflection(worker: Script, channel: grpc.aio.Channel) -> None:
    reflect = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    answers = [answer async for answer in reflect(iter([ServerReflectionRequest(list_services="")]))]
    assert len(answers) == 1
    assert "parley.chat.v1.ChatService" in {service.name for service in answers[0].list_services_response.service}


async def test_unknown_method_is_the_workers_unimplemented(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary("/parley.chat.v1.ChatService/Nope")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_messages_pass(
    compression: grpc.Compression, worker: Script, channel: grpc.aio.Channel
) -> None:
    stub = chat_service_pb2_grpc.ChatServiceStub(channel)
    request = completion_pb2.CompletionRequest(model="m" * 100_000)
    assert (await stub.CreateCompletion(request, compression=compression)).model == request.model
