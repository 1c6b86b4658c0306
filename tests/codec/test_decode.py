from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from parley.chat.v1 import completion_pb2, message_pb2, tool_pb2

from service.codec import decoder, parse_object

if TYPE_CHECKING:
    from google.protobuf.message import Message

Request = completion_pb2.CompletionRequest
Part = message_pb2.ContentPart
Said = message_pb2.Message


def said(*content: Part) -> Request:
    return Request(messages=[Said(content=content)])


REQUESTS: dict[str, tuple[str, Request]] = {
    "nothing": ("{}", Request()),
    "text as a string": ('{"messages": [{"content": "hi"}]}', said(Part(text="hi"))),
    "empty text": ('{"messages": [{"content": ""}]}', said(Part(text=""))),
    "no content": ('{"messages": [{"content": null}]}', said()),
    "an empty list of parts": ('{"messages": [{"content": []}]}', said()),
    "one part": ('{"messages": [{"content": {"type": "text", "text": "hi"}}]}', said(Part(text="hi"))),
    "parts, of which one is a string": (
        '{"messages": [{"content": ["a", {"type": "refusal", "refusal": "b"}]}]}',
        said(Part(text="a"), Part(refusal="b")),
    ),
    "a part without its type": (
        '{"messages": [{"content": [{"text": "a"}, {"image_url": {"url": "u"}, "text": null}]}]}',
        said(Part(text="a"), Part(image_url=message_pb2.ImageUrl(url="u"))),
    ),
    "a part with the others as null": (
        '{"messages": [{"content": [{"type": "text", "text": "a", "image_url": null, "refusal": null}]}]}',
        said(Part(text="a")),
    ),
    "an image's URL as a string": (
        '{"messages": [{"content": [{"type": "image_url", "image_url": "u"}]}]}',
        said(Part(image_url=message_pb2.ImageUrl(url="u"))),
    ),
    "a part with a mark and members that are not known": (
        '{"messages": [{"content": [{"z": 1, "type": "text", "text": "a", "cache_control": {"type": "ephemeral"}, "b": null}]}]}',
        said(Part(text="a", cache_control=tool_pb2.CacheControl(type="ephemeral"), extra_fields='{"z":1,"b":null}')),
    ),
    "a part of a kind that is not known": (
        '{"messages": [{"content": [{"z": 1, "type": "video_url", "video_url": {"url": "u"}, "text": null}]}]}',
        said(Part(other='{"z":1,"type":"video_url","video_url":{"url":"u"},"text":null}')),
    ),
    "a part whose kind is the name of the field for such kinds": (
        '{"messages": [{"content": [{"type": "other", "other": 1}]}]}',
        said(Part(other='{"type":"other","other":1}')),
    ),
    "nulls everywhere": (
        '{"model": null, "messages": null, "stop": null, "n": null, "logit_bias": null, "tool_choice": null, "memory_strategy": null, "chat_template_kwargs": null}',
        Request(),
    ),
    "one stop sequence": ('{"stop": "x"}', Request(stop=["x"])),
    "several": ('{"stop": ["x", ""]}', Request(stop=["x", ""])),
    "an integer with a fraction of zero": ('{"n": 3.0, "seed": -9.007199254740992e15}', Request(n=3, seed=-(2**53))),
    "the limits of integers": (
        '{"n": -2147483648, "top_k": 2147483647, "seed": 9223372036854775807}',
        Request(n=-(2**31), top_k=2**31 - 1, seed=2**63 - 1),
    ),
    "zeros": ('{"n": 0, "temperature": 0, "logprobs": false}', Request(n=0, temperature=0, logprobs=False)),
    "a whole number for a double": ('{"temperature": 1, "top_p": 1e300}', Request(temperature=1.0, top_p=1e300)),
    "a long whole number for a double": ('{"temperature": 100000000000000000000000}', Request(temperature=1e23)),
    "a number in a string": ('{"inference_timeout": "2.5"}', Request(inference_timeout=2.5)),
    "the same as a number": ('{"inference_timeout": 2}', Request(inference_timeout=2.0)),
    "maps": (
        '{"logit_bias": {"50256": -100, "7": 0.5}, "metadata": {"": "x"}}',
        Request(logit_bias={"50256": -100, "7": 0.5}, metadata={"": "x"}),
    ),
    "a string that stands for a message": (
        '{"tool_choice": "auto", "function_call": "none"}',
        Request(tool_choice=tool_pb2.ToolChoice(mode="auto"), function_call=tool_pb2.FunctionCallChoice(mode="none")),
    ),
    "the message itself": (
        '{"tool_choice": {"type": "function", "function": {"name": "f"}}, "function_call": {"name": "f"}}',
        Request(
            tool_choice=tool_pb2.ToolChoice(type="function", function=tool_pb2.NamedFunction(name="f")),
            function_call=tool_pb2.FunctionCallChoice(name="f"),
        ),
    ),
    "a message without members": (
        '{"stream_options": {}, "response_format": {"type": null}}',
        Request(stream_options=completion_pb2.StreamOptions(), response_format=completion_pb2.ResponseFormat()),
    ),
    "members in the message": (
        '{"memory_strategy": {"name": "last_k", "k": 10}}',
        Request(memory_strategy=completion_pb2.MemoryStrategy(name="last_k", k=10)),
    ),
    "members in the object within it": (
        '{"memory_strategy": {"params": {"k": 10}, "name": "last_k"}}',
        Request(memory_strategy=completion_pb2.MemoryStrategy(name="last_k", k=10)),
    ),
    "members in both": (
        '{"memory_strategy": {"k": 1, "params": {"k": 10, "name": "last_k"}, "name": null}}',
        Request(memory_strategy=completion_pb2.MemoryStrategy(name="last_k", k=1)),
    ),
    "an alias": (
        '{"messages": [{"reasoning": "why"}]}',
        Request(messages=[Said(reasoning_content="why")]),
    ),
    "an alias before the proper name": (
        '{"messages": [{"reasoning": "no", "reasoning_content": "why"}]}',
        Request(messages=[Said(reasoning_content="why")]),
    ),
    "an alias after the proper name": (
        '{"messages": [{"reasoning_content": "", "reasoning": "no"}]}',
        Request(messages=[Said(reasoning_content="")]),
    ),
    "an alias beside the proper name's null": (
        '{"messages": [{"reasoning": "why", "reasoning_content": null}]}',
        Request(messages=[Said(reasoning_content="why")]),
    ),
    "members that are not known, in their order": (
        '{"zeta": {"b": 1, "a": [2, null]}, "model": "m", "alpha": null}',
        Request(model="m", extra_fields='{"zeta":{"b":1,"a":[2,null]},"alpha":null}'),
    ),
    "a member by the name of the field for such members": (
        '{"extra_fields": {"a": 1}}',
        Request(extra_fields='{"extra_fields":{"a":1}}'),
    ),
    "a key that comes twice": ('{"model": "a", "model": "b"}', Request(model="b")),
}


@pytest.mark.parametrize(("text", "message"), REQUESTS.values(), ids=REQUESTS.keys())
def test_requests(text: str, message: Message) -> None:
    assert decoder(Request)(parse_object(text.encode())) == message


def test_bytes_are_a_list_of_integers_or_null() -> None:
    decode = decoder(completion_pb2.TokenLogprob)
    assert decode({"bytes": [0, 195, 255]}).bytes == b"\x00\xc3\xff"
    assert decode({"bytes": []}).HasField("bytes")
    assert not decode({"bytes": None}).HasField("bytes")


def test_an_absent_scalar_is_told_from_a_zero() -> None:
    decode = decoder(completion_pb2.Delta)
    assert decode({"content": ""}).HasField("content")
    assert not decode({"content": None}).HasField("content")
    assert not decode({}).HasField("content")


def test_a_decoder_is_compiled_once() -> None:
    assert decoder(Request) is decoder(Request)
