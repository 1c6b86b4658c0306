"""The legacy completions API, for requests with a suffix."""

import json
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest, ResponseFormat
from parley.chat.v1.message_pb2 import ContentPart, ImageUrl, Message
from parley.chat.v1.tool_pb2 import FunctionCall, FunctionDefinition, Tool, ToolCall, ToolChoice

from service.backends.dialect import HttpCall, Target
from service.backends.openai import OpenAiDialect
from service.backends.run import expanded
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold

TARGET = Target(
    vendor="openai",
    deployment="",
    model="gpt-3.5-turbo-instruct",
    dialect=OpenAiDialect(),
    base_url="https://v/v1",
    timeouts=Timeouts(),
)


def encode(*messages: Message, **fields: Any) -> HttpCall:
    fields.setdefault("suffix", "return x")
    request = CompletionRequest(messages=messages or [text("def f():")], **fields)
    return TARGET.dialect.encode(request, TARGET, stream=False)


def text(*texts: str, role: str = "user") -> Message:
    return Message(role=role, content=[ContentPart(text=part) for part in texts])


def test_a_request_with_a_suffix_goes_to_the_legacy_api() -> None:
    call = encode(
        text("You write Python.", role="system"),
        text("def f(", "x):"),
        max_completion_tokens=5,
        temperature=0,
        logprobs=True,
        top_logprobs=2,
        stop=["a"],
        user="u",
        extra_fields='{"echo":false}',
    )
    assert call.path == "/completions"
    assert json.loads(call.body) == {
        "model": "gpt-3.5-turbo-instruct",
        "prompt": "You write Python.\n\ndef f(x):",
        "suffix": "return x",
        "max_tokens": 5,
        "temperature": 0,
        "logprobs": 2,
        "stop": ["a"],
        "user": "u",
        "echo": False,
        "stream": False,
    }


def test_an_empty_suffix_is_none() -> None:
    call = encode(suffix="")
    assert call.path == "/chat/completions"
    assert "suffix" not in json.loads(call.body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", [Tool(type="function", function=FunctionDefinition(name="f"))]),
        ("response_format", ResponseFormat(type="json_object")),
        ("reasoning_effort", "low"),
        ("parallel_tool_calls", False),
        ("metadata", {"a": "b"}),
    ],
)
def test_what_the_legacy_api_has_no_form_for_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ApiError) as caught:
        encode(**{name: value})
    assert (caught.value.kind, caught.value.param) == (Kind.UNSUPPORTED, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_format", ResponseFormat(type="text")),
        ("tool_choice", ToolChoice(mode="none")),
        ("store", False),
        ("modalities", ["text"]),
        ("parallel_tool_calls", True),
    ],
)
def test_what_asks_for_nothing_is_left_out(name: str, value: Any) -> None:
    assert name not in json.loads(encode(**{name: value}).body)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (Message(role="user", content=[ContentPart(image_url=ImageUrl(url="https://x"))]), "messages[0].content[0]"),
        (
            Message(role="assistant", tool_calls=[ToolCall(id="1", function=FunctionCall(name="f"))]),
            "messages[0].tool_calls",
        ),
    ],
)
def test_messages_that_are_more_than_text_are_refused(message: Message, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        encode(message)
    assert (caught.value.kind, caught.value.param) == (Kind.UNSUPPORTED, param)


ANSWER: dict[str, Any] = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [
        {
            "text": " y = 1é",
            "index": 0,
            "logprobs": {
                "tokens": [" y", " = 1é"],
                "token_logprobs": [-0.5, None],
                "top_logprobs": [{" z": -2.5, " y": -0.5}, None],
                "text_offset": [0, 2],
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def fold(chunks: list[CompletionChunk]) -> Fold:
    whole = Fold()
    for chunk in chunks:
        whole.add(chunk)
    return whole


def test_an_answer_looks_like_one_of_chat() -> None:
    decode = TARGET.dialect.decoder(CompletionRequest(), TARGET, stream=False, content_type="application/json")
    decode.feed(json.dumps(ANSWER).encode())
    completion = fold(expanded(decode.close())).result()
    [choice] = completion.choices
    assert choice.message.content[0].text == " y = 1é"
    assert choice.finish_reason == "stop"
    first, second = choice.logprobs.content
    assert (first.token, first.logprob, first.bytes) == (" y", -0.5, b" y")
    assert [(top.token, top.logprob) for top in first.top_logprobs] == [(" y", -0.5), (" z", -2.5)]
    assert (second.token, second.HasField("logprob"), second.bytes) == (" = 1é", False, " = 1é".encode())
    assert completion.usage.total_tokens == 5


def test_a_stream_looks_like_one_of_chat() -> None:
    def event(piece: str, finish: str | None = None) -> bytes:
        choice = {"text": piece, "index": 0, "logprobs": None, "finish_reason": finish}
        return b"data: " + json.dumps({**ANSWER, "usage": None, "choices": [choice]}).encode() + b"\n\n"

    decode = TARGET.dialect.decoder(CompletionRequest(), TARGET, stream=True, content_type="text/event-stream")
    chunks = expanded(decode.feed(event("a") + event("b") + event("", "length") + b"data: [DONE]\n\n"))
    assert decode.done
    [choice] = fold(chunks).result().choices
    assert (choice.message.content[0].text, choice.finish_reason) == ("ab", "length")
