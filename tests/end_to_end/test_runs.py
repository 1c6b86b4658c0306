"""Text that arrives together, over both faces: as the vendor cut it, or merged for those who ask for that."""

import json

import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests.end_to_end.calls import body, failure_of, message, post
from tests.stack import Parley, Vendors
from tests.vendor import stream

TEXTS = ("a", "wörld ", "😀", '"\\\n', "\u2028", "plain " * 50, "end")
CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m"}


def vendor_event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return f"data: {json.dumps({**CHUNK, 'choices': [choice], 'obfuscation': 'x' * len(delta)})}\n\n".encode()


STREAM = (
    vendor_event({"role": "assistant", "content": ""})
    + b"".join(vendor_event({"content": text}) for text in TEXTS)
    + vendor_event({}, "stop")
    + b"data: [DONE]\n\n"
)


@pytest.fixture
def model(vendors: Vendors) -> str:
    name = vendors.model()
    vendors.scripted.always(stream(STREAM), model=name)
    return f"scripted/{name}"


async def test_rest_has_every_piece_as_the_vendor_cut_it(parley: Parley, model: str) -> None:
    answer = await post(parley, body(model, stream=True, stream_options={"include_usage": True}))
    chunks = answer.chunks
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["", *TEXTS, None]
    assert {(chunk["id"], chunk["model"], chunk["usage"]) for chunk in chunks} == {("chatcmpl-1", model, None)}
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks].count("assistant") == 1
    assert {chunk["obfuscation"] for chunk in chunks[1:-1]} == {"x"}


async def test_rest_merges_what_came_together(parley: Parley, model: str) -> None:
    merged = await post(parley, body(model, stream=True), headers={"x-parley-merge": "text"})
    assert merged.text == "".join(TEXTS)
    assert merged.events[-1] == "[DONE]"
    assert len(merged.chunks) < 2 + len(TEXTS)
    assert merged.chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_grpc_has_every_piece_and_merges_them_likewise(
    parley: Parley, channel: grpc.aio.Channel, model: str
) -> None:
    stub = ChatServiceStub(channel)
    pieces = [chunk async for chunk in stub.StreamCompletion(message(model), metadata=parley.metadata)]
    assert [chunk.choices[0].delta.content for chunk in pieces] == ["", *TEXTS, ""]
    metadata = (*parley.metadata, ("x-parley-merge", "text"))
    merged = [chunk async for chunk in stub.StreamCompletion(message(model), metadata=metadata)]
    assert "".join(chunk.choices[0].delta.content for chunk in merged) == "".join(TEXTS)
    assert len(merged) < len(pieces)


async def test_an_unknown_way_of_merging_is_refused(parley: Parley, channel: grpc.aio.Channel, model: str) -> None:
    answer = await post(parley, body(model, stream=True), headers={"x-parley-merge": "all"})
    assert (answer.status, answer.error["param"]) == (400, "x-parley-merge")
    metadata = (*parley.metadata, ("x-parley-merge", "all"))
    failure = await failure_of(ChatServiceStub(channel).StreamCompletion(message(model), metadata=metadata))
    assert (failure.code, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["x-parley-merge"])
