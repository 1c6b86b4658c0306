"""Whatever a caller sends wrong: the right status, the same shape of error, the path of what is wrong."""

import json
from typing import Any

import grpc
import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.model_service_pb2 import GetModelRequest
from parley.chat.v1.model_service_pb2_grpc import ModelServiceStub

from tests.end_to_end.calls import body, failure_of, message, post
from tests.stack import LIMITED_KEY, LOCAL_MODEL, Parley

OK = "fake/ok"


@pytest.mark.parametrize(
    ("data", "param", "part"),
    [
        (b"", None, "expected JSON, got nothing"),
        (b"{", None, "line 1"),
        (b"[]", None, "expected one JSON object, got a list"),
        (b'{"model": "\xff"}', None, ""),
        (b"[" * 100_000, None, ""),
        (b'{"model": NaN}', None, ""),
        (b'{"model": "a/b"}', "messages", "at least one message"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "model", "vendor/model_name"),
        (body(OK, stream="yes"), "stream", "true or false"),
        (body(OK, temperature="hot"), "temperature", "expected a number, got a string"),
        (body(OK, max_tokens=1.5), "max_tokens", "expected an integer"),
        (body(OK, max_tokens=2**40), "max_tokens", ""),
        (body(OK, stop=[1]), "stop[0]", "expected a string, got a number"),
        (body(OK, inference_timeout=-1), "inference_timeout", "above 0"),
        (body(OK, inference_extra_headers={"Authorization": "x"}), "inference_extra_headers.Authorization", "service"),
        (
            {"model": OK, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]}]},
            "messages[0].content[0].image_url.url",
            "expected a string, got a number",
        ),
        ({"model": OK, "messages": [{"content": "x"}]}, "messages[0].role", "required"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_bad_body_is_400_with_the_path(
    parley: Parley, data: dict[str, Any] | bytes, param: str | None, part: str, *, stream: bool
) -> None:
    if stream and isinstance(data, dict) and "stream" not in data:
        data = {**data, "stream": True}
    answer = await post(parley, data)
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == param
    assert part in answer.error["message"]


@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        (None, {}, 401),
        ("wrong", {}, 401),
        (None, {"authorization": "Bearer wrong"}, 401),
        (None, {"authorization": "Basic eDp5"}, 401),
        (None, {"authorization": "Bearer parley-test-key-of-the-tests"}, 200),
        ("", {}, 200),
        (LIMITED_KEY, {}, 200),
    ],
)
async def test_keys(parley: Parley, key: str | None, headers: dict[str, str], status: int) -> None:
    answer = await post(parley, body(OK), key=key, headers=headers)
    assert answer.status == status
    if status == 401:
        assert (answer.error["type"], answer.error["code"]) == ("authentication_error", "invalid_api_key")
        assert "wrong" not in answer.error["message"]


async def test_a_key_for_other_models_is_forbidden(parley: Parley) -> None:
    answer = await post(parley, body(LOCAL_MODEL), key=LIMITED_KEY)
    assert (answer.status, answer.error["code"]) == (403, "model_not_allowed")


async def test_an_unknown_model_is_404_with_near_names(parley: Parley) -> None:
    answer = await post(parley, body("local/smollm2-135m"))
    assert answer.status == 404
    assert (answer.error["code"], answer.error["param"]) == ("model_not_found", "model")
    assert LOCAL_MODEL in answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "statuses", "code"),
    [
        ("POST", "/v1/nothing", {404}, "not_found"),
        ("GET", "/", {404}, "not_found"),
        ("GET", "/v1/chat/completions", {404, 405}, "method_not_allowed"),
        ("PUT", "/v4/beta/chat/completions", {404, 405}, "method_not_allowed"),
    ],
)
async def test_an_unknown_path_or_method_is_an_error_of_the_same_shape(
    parley: Parley, method: str, path: str, statuses: set[int], code: str
) -> None:
    answer = await post(parley, b"{}" if method != "GET" else b"", path=path, method=method)
    assert answer.status in statuses
    assert answer.error["code"] == code


async def test_a_body_over_the_limit_is_413_and_one_below_passes(parley: Parley) -> None:
    big = json.dumps(body(OK, user="x" * (20 << 20))).encode()
    assert (await post(parley, big)).status == 200
    answer = await post(parley, b" " * (65 << 20))
    assert answer.status == 413
    assert answer.error["code"] == "request_too_large"


async def test_grpc_tells_a_wrong_key(parley: Parley, channel: grpc.aio.Channel) -> None:
    for metadata in ((), (("x-api-key", "wrong"),)):
        for call in (
            ChatServiceStub(channel).CreateCompletion(message(OK), metadata=metadata),
            ChatServiceStub(channel).StreamCompletion(message(OK), metadata=metadata),
        ):
            failure = await failure_of(call)
            assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_API_KEY")


@pytest.mark.parametrize(
    ("request_", "code", "reason", "path"),
    [
        (CompletionRequest(), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_VALUE", "model"),
        (CompletionRequest(model=OK), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_VALUE", "messages"),
        (message("fake/okay"), grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", "model"),
        (message(OK, guided_json="{"), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_JSON", "guided_json"),
        (message(OK, inference_timeout=-1), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_VALUE", "inference_timeout"),
    ],
)
async def test_grpc_tells_the_path(
    parley: Parley,
    channel: grpc.aio.Channel,
    request_: CompletionRequest,
    code: grpc.StatusCode,
    reason: str,
    path: str,
) -> None:
    stub = ChatServiceStub(channel)
    for call in (
        stub.CreateCompletion(request_, metadata=parley.metadata),
        stub.StreamCompletion(request_, metadata=parley.metadata),
    ):
        failure = await failure_of(call)
        assert (failure.code, failure.reason, failure.fields) == (code, reason, [path])
        assert failure.info["request_id"]


async def test_typed_calls_fail_in_the_same_shape_on_rest(parley: Parley, channel: grpc.aio.Channel) -> None:
    for path in ("/parley.chat.v1.ChatService/CreateCompletion", "/parley.chat.v1.ChatService/StreamCompletion"):
        answer = await post(
            parley, {"model": "fake/okay", "messages": [{"role": "user", "content": [{"text": "x"}]}]}, path=path
        )
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
        assert (await post(parley, b"{", path=path)).status == 400
    failure = await failure_of(
        ModelServiceStub(channel).GetModel(GetModelRequest(model="fake/okay"), metadata=parley.metadata)
    )
    assert failure.code is grpc.StatusCode.NOT_FOUND
