from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import orjson
import pytest
from parley.chat.v1 import completion_pb2, message_pb2, model_service_pb2, tool_pb2

from service.codec import DecodeError, decoder, dumps, encoder, parse_object, to_object

if TYPE_CHECKING:
    from google.protobuf.message import Message

Request = completion_pb2.CompletionRequest
Part = message_pb2.ContentPart
Said = message_pb2.Message

# As OpenAI prints them.
CHUNKS = (
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1715000000,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1715000000,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"heck."},"logprobs":null,"finish_reason":null}]}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1715000000,"model":"gpt-4o","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_abc","type":"function","function":{"name":"get_weather","arguments":""}}]},"logprobs":null,"finish_reason":null}]}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1715000000,"model":"gpt-4o","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\":"}}]},"logprobs":null,"finish_reason":null}]}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1715000000,"model":"gpt-4o","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1715000000,"model":"gpt-4o","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":13,"total_tokens":13}}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1715000000,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"é"},"logprobs":{"content":[{"token":"Ã","logprob":-0.5,"bytes":[195],"top_logprobs":[{"token":"a","logprob":-9999,"bytes":null}]}]},"finish_reason":null}]}',
)
COMPLETIONS = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1795353285,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Let me check.","refusal":null,"tool_calls":[{"id":"call_abc","type":"function","function":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":2,"completion_tokens":13,"total_tokens":15}}',
    '{"id":"chatcmpl-1","object":"chat.completion","created":1795353285,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I cannot."},"logprobs":null,"finish_reason":"stop"}],"service_tier":"default","system_fingerprint":"fp_1","stop_reason":null}',
)


@pytest.mark.parametrize("text", CHUNKS)
def test_chunks_are_printed_as_openai_prints_them(text: str) -> None:
    message = decoder(completion_pb2.CompletionChunk)(parse_object(text.encode()))
    assert encoder(completion_pb2.CompletionChunk, nulls=True)(message).decode() == text


@pytest.mark.parametrize("text", COMPLETIONS)
def test_completions_are_printed_as_openai_prints_them(text: str) -> None:
    message = decoder(completion_pb2.Completion)(parse_object(text.encode()))
    assert encoder(completion_pb2.Completion, nulls=True)(message).decode() == text


WRITTEN: dict[str, tuple[Message, str]] = {
    "nothing": (Request(), "{}"),
    "members in the order of the contract": (
        Request(extra_fields='{"a":1}', n=1, messages=[Said(name="n", role="user")], model="m"),
        '{"model":"m","messages":[{"role":"user","name":"n"}],"n":1,"a":1}',
    ),
    "zeros that are set": (
        Request(n=0, temperature=0, logprobs=False, suffix=""),
        '{"temperature":0,"n":0,"logprobs":false,"suffix":""}',
    ),
    "whole numbers without a fraction": (
        Request(temperature=1.0, top_p=0.1, frequency_penalty=-2.0, presence_penalty=2.0**53),
        '{"temperature":1,"top_p":0.1,"frequency_penalty":-2,"presence_penalty":9007199254740992.0}',
    ),
    "numbers in maps": (Request(logit_bias={"7": -100}), '{"logit_bias":{"7":-100}}'),
    "numbers that JSON has not": (
        Request(temperature=math.nan, top_p=math.inf, logit_bias={"7": -math.inf}),
        '{"temperature":null,"top_p":null,"logit_bias":{"7":null}}',
    ),
    "a list of one": (Request(stop=["x"]), '{"stop":["x"]}'),
    "one text": (Said(role="user", content=[Part(text="hi")]), '{"role":"user","content":"hi"}'),
    "one empty text": (Said(role="user", content=[Part(text="")]), '{"role":"user","content":""}'),
    "one text that is marked": (
        Said(content=[Part(text="hi", cache_control=tool_pb2.CacheControl(type="ephemeral"))]),
        '{"content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}',
    ),
    "one text with members that are not known": (
        Said(content=[Part(text="hi", extra_fields='{"a":1}')]),
        '{"content":[{"type":"text","text":"hi","a":1}]}',
    ),
    "one refusal": (Said(content=[Part(refusal="no")]), '{"content":[{"type":"refusal","refusal":"no"}]}'),
    "several texts": (
        Said(content=[Part(text="a"), Part(text="b")]),
        '{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}',
    ),
    "an image": (
        Said(content=[Part(image_url=message_pb2.ImageUrl(url="u"))]),
        '{"content":[{"type":"image_url","image_url":{"url":"u"}}]}',
    ),
    "a part of a kind that is not known": (
        Said(content=[Part(other='{"z": 1, "type": "video", "a": 18446744073709551616}')]),
        '{"content":[{"z":1,"type":"video","a":18446744073709551616}]}',
    ),
    "the same, with what else a caller may set": (
        Said(
            content=[
                Part(
                    other='{"type":"video","ttl":1}',
                    cache_control={"type": "ephemeral"},
                    extra_fields='{"ttl":2,"b":3}',
                )
            ]
        ),
        '{"content":[{"type":"video","ttl":1,"cache_control":{"type":"ephemeral"},"b":3}]}',
    ),
    "a part that is empty": (Said(content=[Part()]), '{"content":[{}]}'),
    "a choice of tool by its mode": (Request(tool_choice=tool_pb2.ToolChoice(mode="auto")), '{"tool_choice":"auto"}'),
    "by its name": (
        Request(tool_choice=tool_pb2.ToolChoice(type="function", function=tool_pb2.NamedFunction(name="f"))),
        '{"tool_choice":{"type":"function","function":{"name":"f"}}}',
    ),
    "in OpenAI's deprecated form": (
        Request(function_call=tool_pb2.FunctionCallChoice(name="f")),
        '{"function_call":{"name":"f"}}',
    ),
    "a memory strategy": (
        Request(memory_strategy=completion_pb2.MemoryStrategy(name="last_k", k=3)),
        '{"memory_strategy":{"name":"last_k","k":3}}',
    ),
    "free JSON as it was written": (
        Request(guided_json='{ "b" : 1.0, "a": 123456789012345678901 }'),
        '{"guided_json":{ "b" : 1.0, "a": 123456789012345678901 }}',
    ),
    "free JSON that is empty text": (Request(guided_json=""), '{"guided_json":null}'),
    "known members among those that are not": (
        Request(model="m", extra_fields='{"model":"x","n":5,"zzz":[18446744073709551616]}'),
        '{"model":"m","n":5,"zzz":[18446744073709551616]}',
    ),
    "a tag among members that are not known": (
        Said(content=[Part(text="a", extra_fields='{"type":"x","text":"b"}'), Part(text="b")]),
        '{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}',
    ),
    "a message of another file of the contract": (
        model_service_pb2.ListModelsResponse(object="list", data=[model_service_pb2.Model(id="a/b", created=5)]),
        '{"object":"list","data":[{"id":"a/b","created":5}]}',
    ),
}


@pytest.mark.parametrize(("message", "text"), WRITTEN.values(), ids=WRITTEN.keys())
def test_messages_without_nulls(message: Message, text: str) -> None:
    assert encoder(type(message), nulls=False)(message).decode() == text
    assert dumps(to_object(type(message), nulls=False)(message)).decode() == text


def test_nulls_only_where_answers_have_them() -> None:
    message = Said(role="assistant")
    assert encoder(Said, nulls=True)(message) == b'{"role":"assistant","content":null,"refusal":null}'
    assert encoder(Said, nulls=False)(message) == b'{"role":"assistant"}'
    completion = completion_pb2.Completion()
    assert encoder(completion_pb2.Completion, nulls=True)(completion) == b'{"choices":[]}'
    assert encoder(completion_pb2.Completion, nulls=False)(completion) == b"{}"


def test_an_object_is_the_callers_to_change() -> None:
    tool = tool_pb2.Tool(
        type="function",
        function=tool_pb2.FunctionDefinition(name="f", parameters='{"b":1,"a":2}'),
        extra_fields='{"c":{"d":[]}}',
    )
    write = to_object(tool_pb2.Tool, nulls=False)
    members = write(tool)
    assert list(members) == ["type", "function", "c"]
    assert members["c"] == {"d": []}
    function = members["function"]
    assert isinstance(function, dict)
    assert isinstance(function["parameters"], orjson.Fragment)
    function["name"] = "g"
    members["input_schema"] = function.pop("parameters")
    assert dumps(members) == b'{"type":"function","function":{"name":"g"},"c":{"d":[]},"input_schema":{"b":1,"a":2}}'
    assert write(tool)["function"] != function


def test_an_object_has_no_numbers_that_json_has_not() -> None:
    message = Request(temperature=math.nan, top_p=math.inf, logit_bias={"7": -math.inf})
    expected = {"temperature": None, "top_p": None, "logit_bias": {"7": None}}
    assert to_object(Request, nulls=False)(message) == expected


def test_free_json_at_its_limit_of_depth_is_written_inside_messages() -> None:
    document = {"messages": [{"role": "user", "a": json.loads("[" * 253 + "]" * 253)}]}
    text = json.dumps(document, separators=(",", ":")).encode()
    assert encoder(Request, nulls=False)(decoder(Request)(parse_object(text))) == text


@pytest.mark.parametrize("text", ["{", "[]", '"a"', '{"a":NaN}'])
def test_unknown_members_that_are_no_object_are_never_written(text: str) -> None:
    with pytest.raises(DecodeError, match=r"^extra_fields: "):
        encoder(Request, nulls=False)(Request(extra_fields=text))
    with pytest.raises(DecodeError, match=r"^other: "):
        encoder(Part, nulls=False)(Part(other=text))


@pytest.mark.parametrize("nulls", [False, True])
def test_members_stand_in_the_order_of_the_contract(nulls: bool) -> None:
    usage = completion_pb2.Usage(
        completion_tokens_details=completion_pb2.CompletionTokensDetails(text_tokens=1, reasoning_tokens=0),
        total_tokens=3,
        prompt_tokens=1,
        extra_fields='{"cost":0.5}',
    )
    assert encoder(completion_pb2.Usage, nulls=nulls)(usage) == (
        b'{"prompt_tokens":1,"total_tokens":3,"completion_tokens_details":{"reasoning_tokens":0,"text_tokens":1},"cost":0.5}'
    )
