"""Real tokens of the real model, over both faces, and what stands around them."""

import re

import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests.end_to_end.calls import body, message, post
from tests.stack import LOCAL_MODEL, Parley, Vendors
from tests.vendor import json_answer, recording, stream_bytes

PATHS = ("/v1/chat/completions", "/v4/beta/chat/completions", "/v5/chat/completions")


@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_has_real_tokens_and_ends_with_done(parley: Parley, path: str) -> None:
    answer = await post(parley, body(LOCAL_MODEL, stream=True, max_tokens=8, temperature=0), path=path)
    assert answer.status == 200
    assert answer.events[-1] == "[DONE]"
    assert answer.text.strip()
    chunks = answer.chunks
    assert len(chunks) > 3
    assert {(chunk["object"], chunk["model"]) for chunk in chunks} == {("chat.completion.chunk", LOCAL_MODEL)}
    assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks].count("assistant") == 1
    assert chunks[-1]["choices"][0]["finish_reason"] in {"length", "stop"}
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks[:-1])
    assert "usage" not in chunks[-1]


async def test_the_same_request_unstreamed_is_one_object_with_usage(parley: Parley) -> None:
    fields = {"max_tokens": 8, "temperature": 0, "seed": 1}
    whole = (await post(parley, body(LOCAL_MODEL, **fields))).json
    streamed = await post(parley, body(LOCAL_MODEL, stream=True, stream_options={"include_usage": True}, **fields))
    assert whole["object"] == "chat.completion"
    choice = whole["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == streamed.text
    assert choice["message"]["refusal"] is None
    assert choice["logprobs"] is None
    assert whole["usage"]["total_tokens"] == whole["usage"]["prompt_tokens"] + whole["usage"]["completion_tokens"]
    assert whole["usage"]["completion_tokens"] == 8
    last = streamed.chunks[-1]
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == whole["usage"]["total_tokens"]
    assert all(chunk["usage"] is None for chunk in streamed.chunks[:-1])


async def test_grpc_says_the_same_as_rest(parley: Parley, channel: grpc.aio.Channel) -> None:
    stub = ChatServiceStub(channel)
    request = message(LOCAL_MODEL, max_tokens=8, temperature=0, seed=1)
    whole = await stub.CreateCompletion(request, metadata=parley.metadata)
    pieces = [chunk async for chunk in stub.StreamCompletion(request, metadata=parley.metadata)]
    rest = (await post(parley, body(LOCAL_MODEL, max_tokens=8, temperature=0, seed=1))).json
    text = whole.choices[0].message.content[0].text
    assert text == "".join(choice.delta.content for chunk in pieces for choice in chunk.choices)
    assert text == rest["choices"][0]["message"]["content"]
    assert whole.usage.completion_tokens == 8
    assert len({chunk.id for chunk in pieces}) == 1


async def test_a_typed_call_can_be_made_as_json_too(parley: Parley) -> None:
    request = {
        "model": LOCAL_MODEL,
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "max_completion_tokens": 3,
    }
    answer = await post(parley, request, path="/parley.chat.v1.ChatService/CreateCompletion")
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"][0]["text"]


async def test_the_request_id_is_kept_through_to_the_vendor_and_back(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel
) -> None:
    name = vendors.model()
    vendors.scripted.always(json_answer(recording("openai-unary.json")), model=name)
    seen = len(vendors.scripted.requests)
    answer = await post(parley, body(f"scripted/{name}"), headers={"x-request-id": "rest-id-1"})
    assert answer.headers["x-request-id"] == "rest-id-1"
    call = ChatServiceStub(channel).CreateCompletion(
        message(f"scripted/{name}"), metadata=(*parley.metadata, ("x-request-id", "grpc-id-1"))
    )
    await call
    trailers = dict(await call.trailing_metadata())
    assert trailers["x-request-id"] == "grpc-id-1"
    ids = [request.headers["x-request-id"] for request in vendors.scripted.requests[seen:]]
    assert ids == ["rest-id-1", "grpc-id-1"]


async def test_a_request_without_an_id_gets_one(parley: Parley) -> None:
    answer = await post(parley, b"{")
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])


async def test_the_callers_key_never_reaches_the_vendor(parley: Parley, vendors: Vendors) -> None:
    name = vendors.model()
    vendors.scripted.always(stream_bytes(recording("openai-stream-usage.sse")), model=name)
    answer = await post(parley, body(f"scripted/{name}", stream=True))
    assert answer.events[-1] == "[DONE]"
    request = vendors.scripted.requests[-1]
    assert parley.api_key not in str(request.raw_headers)
    assert parley.api_key not in request.body.decode()
    assert request.json["model"] == name


async def test_rest_answers_carry_no_traces_of_grpc(parley: Parley) -> None:
    for data in (body("fake/ok"), body("fake/ok", stream=True), body("fake/busy"), b"{"):
        headers = (await post(parley, data)).headers
        assert not {name for name in headers if name.startswith(("grpc-", "x-http-code", "x-envoy", "x-parley-error"))}


async def test_a_deployment_can_be_named(parley: Parley, vendors: Vendors) -> None:
    for name in ("a", "b"):
        vendors.scripted.always(json_answer(recording("openai-unary.json")), model=f"deployment-{name}")
        answer = await post(parley, body(f"scripted/twice/{name}"))
        assert answer.json["model"] == f"scripted/twice/{name}"
        assert vendors.scripted.requests[-1].json["model"] == f"deployment-{name}"


async def test_models_are_listed_to_whom_may_use_them(parley: Parley) -> None:
    answer = await post(parley, b"", path="/v1/models", method="GET")
    ids = [model["id"] for model in answer.json["data"]]
    assert answer.json["object"] == "list"
    assert LOCAL_MODEL in ids
    assert ids == sorted(ids)
    one = await post(parley, b"", path=f"/v1/models/{LOCAL_MODEL}", method="GET")
    assert one.json == answer.json["data"][ids.index(LOCAL_MODEL)]
    assert one.json["owned_by"] == "local"
    page = await post(parley, b"", path="/v5/chat/completions/models?limit=2&model_vendor=fake", method="GET")
    assert [item["model_name"] for item in page.json["items"]] == ["fake/broken", "fake/busy"]
    assert page.json["has_more"] is True
    after = "/v5/chat/completions/models?starting_after=fake/ok&sort_order=asc&model_vendor=fake"
    assert (await post(parley, b"", path=after, method="GET")).json["items"] == []
    missing = await post(parley, b"", path="/v1/models/local/smollm", method="GET")
    assert missing.status == 404
    assert missing.error["code"] == "model_not_found"
    bad = await post(parley, b"", path="/v5/chat/completions/models?limit=0", method="GET")
    assert (bad.status, bad.error["param"]) == (400, "limit")
