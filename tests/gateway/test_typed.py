"""Typed RPCs over REST: by their HTTP binding or at their gRPC path, with errors in the shape of all errors."""

import json
import re
from collections.abc import AsyncIterator

import aiohttp
import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.json_format import ParseDict
from google.rpc import error_details_pb2, status_pb2
from parley.chat.v1 import completion_pb2, model_service_pb2

from tests.gateway.contract import Binding, bindings
from tests.gateway.edge import Edge
from tests.gateway.http1 import exchange
from tests.gateway.http2 import request as http2_request
from tests.gateway.test_rest import INTERNAL
from tests.gateway.worker import Context, Script

CREATE = "/parley.chat.v1.ChatService/CreateCompletion"
STREAM = "/parley.chat.v1.ChatService/StreamCompletion"
ERROR = '{"error": {"message": "no \\"such\\" model", "type": "invalid_request_error", "param": "model", "code": "x"}}'


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/models", {"object": "list", "data": [{"id": "a/b", "object": "", "created": 0, "owned_by": ""}]}),
        ("/v1/models/a/b/c", {"id": "a/b/c", "object": "model", "created": 0, "owned_by": ""}),
        ("/v1/models/a%2Fb", {"id": "a/b", "object": "model", "created": 0, "owned_by": ""}),
        (
            "/v5/chat/completions/models?limit=7",
            {
                "object": "list",
                "items": [{"model_name": "7", "model_type": "", "model_vendor": "", "model_availability": ""}],
                "has_more": False,
            },
        ),
    ],
)
async def test_models(path: str, answer: object, worker: Script, http: aiohttp.ClientSession) -> None:
    async with http.get(path) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert await response.json() == answer
        assert not INTERNAL & set(response.headers)


@pytest.mark.parametrize("binding", bindings(), ids=lambda binding: f"{binding.method} {binding.path}")
async def test_every_binding_of_the_contract_is_routed(
    binding: Binding, worker: Script, http: aiohttp.ClientSession
) -> None:
    path = re.sub(r"{[^}]*}", "a/b", binding.path)
    async with http.request(binding.method, path, data=b"{}" if binding.method == "post" else None) as response:
        assert response.status == 200
    assert [metadata["x-envoy-original-path"] for metadata in worker.seen] == [path]


async def test_typed_request_as_json(worker: Script, http: aiohttp.ClientSession) -> None:
    seen: list[completion_pb2.CompletionRequest] = []
    request = {
        "model": "a/b",
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "temperature": 0.7,
        "seed": "-1",
    }

    async def create(request: completion_pb2.CompletionRequest, context: Context) -> completion_pb2.Completion:
        seen.append(request)
        return completion_pb2.Completion(id="1", choices=[completion_pb2.Choice(index=0, finish_reason="stop")])

    worker.create = create
    async with http.post(CREATE, json=request) as response:
        answer = await response.json()
    assert seen == [ParseDict(request, completion_pb2.CompletionRequest())]
    assert (answer["choices"][0]["index"], answer["choices"][0]["finish_reason"]) == (0, "stop")


async def test_typed_stream_is_server_sent_events(worker: Script, http: aiohttp.ClientSession) -> None:
    async with http.post(STREAM, json={"model": "m"}) as response:
        assert response.content_type == "text/event-stream"
        events = (await response.text()).split("\n\n")
    assert [json.loads(event.removeprefix("data: "))["id"] for event in events[:-1]] == ["0", "1"]
    assert events[-1] == ""


async def fail(context: Context, *, http_code: str | None = "402") -> None:
    code = [("x-http-code", http_code)] if http_code else []
    detail = Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason="MODEL_NOT_FOUND", domain="parley"))
    status = status_pb2.Status(code=5, message="no model", details=[detail])
    context.set_trailing_metadata(
        [("x-parley-error", ERROR), ("grpc-status-details-bin", status.SerializeToString()), *code]
    )
    await context.abort(grpc.StatusCode.NOT_FOUND, "no model")


@pytest.mark.parametrize("metadata_first", [False, True], ids=["trailers only", "after initial metadata"])
@pytest.mark.parametrize("http_code", [None, "402"])
@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
async def test_error_of_a_typed_call(
    metadata_first: bool, http_code: str | None, http2: bool, worker: Script, edge: Edge
) -> None:
    async def get_model(request: model_service_pb2.GetModelRequest, context: Context) -> model_service_pb2.Model:
        if metadata_first:
            await context.send_initial_metadata([("x-parley-dropped", "seed")])
        await fail(context, http_code=http_code)
        return model_service_pb2.Model()

    worker.get_model = get_model
    if http2:
        answer = await http2_request(edge.port, "GET", "/v1/models/a")
        assert not answer.trailers
    else:
        answer = await exchange(edge.port, b"GET /v1/models/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert answer.status == int(http_code or "404")
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.decode() == ERROR
    assert not INTERNAL & set(answer.headers)


async def test_error_of_a_typed_stream_before_its_first_message(worker: Script, http: aiohttp.ClientSession) -> None:
    async def stream(
        request: completion_pb2.CompletionRequest, context: Context
    ) -> AsyncIterator[completion_pb2.CompletionChunk]:
        await fail(context)
        yield completion_pb2.CompletionChunk()

    worker.stream = stream
    async with http.post(STREAM, json={"model": "m"}) as response:
        assert (response.status, response.content_type) == (402, "application/json")
        assert await response.text() == ERROR


async def test_error_of_a_typed_stream_after_its_first_message_is_in_the_trailers(worker: Script, edge: Edge) -> None:
    async def stream(
        request: completion_pb2.CompletionRequest, context: Context
    ) -> AsyncIterator[completion_pb2.CompletionChunk]:
        yield completion_pb2.CompletionChunk(id="0")
        await fail(context)

    worker.stream = stream
    answer = await http2_request(edge.port, "POST", STREAM, b"{}")
    assert (answer.trailers["grpc-status"], answer.trailers["x-parley-error"]) == ("5", ERROR)
    body = b"POST %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}" % STREAM.encode()
    wire = (await exchange(edge.port, body)).body.decode()
    assert "\r\n0\r\ngrpc-status: 5\r\n" in wire


@pytest.mark.parametrize(
    ("grpc_code", "status"),
    [
        (grpc.StatusCode.INTERNAL, 500),
        (grpc.StatusCode.UNKNOWN, 500),
        (grpc.StatusCode.UNIMPLEMENTED, 501),
        (grpc.StatusCode.CANCELLED, 503),
    ],
)
async def test_error_without_a_body_of_the_services_tells_no_details(
    grpc_code: grpc.StatusCode, status: int, worker: Script, http: aiohttp.ClientSession
) -> None:
    async def create(request: completion_pb2.CompletionRequest, context: Context) -> completion_pb2.Completion:
        await context.abort(grpc_code, "a secret")
        return completion_pb2.Completion()

    worker.create = create
    async with http.post(CREATE, json={}) as response:
        assert response.status == status
        text = await response.text()
    assert json.loads(text)["error"]["code"] == "internal_error"
    assert "secret" not in f"{text}{response.headers}"
