from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from parley.chat.v1 import completion_pb2

from service.codec import DecodeError, decoder, parse_object

if TYPE_CHECKING:
    from google.protobuf.message import Message

REQUESTS = {
    # kinds
    '{"model": 1}': "model: expected a string, got a number",
    '{"model": true}': "model: expected a string, got a boolean",
    '{"model": {}}': "model: expected a string, got an object",
    '{"model": []}': "model: expected a string, got a list",
    '{"n": "1"}': "n: expected an integer, got a string",
    '{"n": true}': "n: expected an integer, got a boolean",
    '{"n": 3.5}': "n: expected an integer, got 3.5",
    '{"n": {}}': "n: expected an integer, got an object",
    '{"temperature": "1"}': "temperature: expected a number, got a string",
    '{"temperature": false}': "temperature: expected a number, got a boolean",
    '{"temperature": [1]}': "temperature: expected a number, got a list",
    '{"logprobs": 1}': "logprobs: expected a boolean, got a number",
    '{"logprobs": "true"}': "logprobs: expected a boolean, got a string",
    '{"stream_options": true}': "stream_options: expected an object, got a boolean",
    '{"stream_options": []}': "stream_options: expected an object, got a list",
    # ranges
    '{"n": 2147483648}': "n: expected an integer in [-2147483648, 2147483647], got 2147483648",
    '{"n": -1e300}': "n: expected an integer in [-2147483648, 2147483647], got -1e+300",
    '{"seed": 9223372036854775808}': "seed: expected an integer in [-9223372036854775808, 9223372036854775807], got 9223372036854775808",
    '{"seed": 1000000000000000000000000000000}': "seed: expected an integer in [-9223372036854775808, 9223372036854775807], got 100000000000000000000000…",
    # numbers in strings
    '{"inference_timeout": "soon"}': "inference_timeout: expected a number, got a string that does not hold one",
    '{"inference_timeout": "nan"}': "inference_timeout: expected a number, got a string that does not hold one",
    '{"inference_timeout": ""}': "inference_timeout: expected a number, got a string that does not hold one",
    '{"inference_timeout": "1e999"}': "inference_timeout: expected a number that a double holds, got a larger one",
    '{"inference_timeout": true}': "inference_timeout: expected a number, got a boolean",
    # lists
    '{"stop": 1}': "stop: expected a string or a list, got a number",
    '{"stop": {}}': "stop: expected a string or a list, got an object",
    '{"stop": ["a", 1]}': "stop[1]: expected a string, got a number",
    '{"stop": [null]}': "stop[0]: expected a string, got null",
    '{"guided_choice": "a"}': "guided_choice: expected a list, got a string",
    '{"messages": {}}': "messages: expected a list, got an object",
    '{"messages": "hi"}': "messages: expected a list, got a string",
    '{"messages": [null]}': "messages[0]: expected an object, got null",
    '{"messages": [{}, "hi"]}': "messages[1]: expected an object, got a string",
    '{"tools": [{"function": {"name": 1}}]}': "tools[0].function.name: expected a string, got a number",
    # maps
    '{"logit_bias": []}': "logit_bias: expected an object, got a list",
    '{"logit_bias": {"7": "x"}}': 'logit_bias["7"]: expected a number, got a string',
    '{"metadata": {"a b\\n": 1}}': 'metadata["a b\\n"]: expected a string, got a number',
    '{"metadata": {"a": null}}': "metadata.a: expected a string, got null",
    # strings for messages
    '{"tool_choice": 1}': "tool_choice: expected a string or an object, got a number",
    '{"tool_choice": {"mode": 1}}': "tool_choice.mode: expected a string, got a number",
    '{"tool_choice": {"function": "f"}}': "tool_choice.function: expected an object, got a string",
    '{"messages": [{"content": 5}]}': "messages[0].content: expected a string, an object or a list, got a number",
    '{"messages": [{"content": ["a", 5]}]}': "messages[0].content[1]: expected a string or an object, got a number",
    '{"messages": [{"content": [null]}]}': "messages[0].content[0]: expected a string or an object, got null",
    # tags
    '{"messages": [{}, {"content": [{}]}]}': 'messages[1].content[0].type: required: "text" or "refusal" or "image_url" or "image_data" or "input_audio" or "file"',
    '{"messages": [{"content": [{"type": null, "text": "a", "refusal": "b"}]}]}': 'messages[0].content[0].type: required: "text" or "refusal" or "image_url" or "image_data" or "input_audio" or "file"',
    '{"messages": [{"content": [{"type": 1, "text": "a"}]}]}': "messages[0].content[0].type: expected a string, got a number",
    '{"messages": [{"content": ["a", {"type": "image_url"}]}]}': 'messages[0].content[1].image_url: required, as type is "image_url"',
    '{"messages": [{"content": [{"type": "text", "text": null}]}]}': 'messages[0].content[0].text: required, as type is "text"',
    '{"messages": [{"content": [{"type": "text", "text": "a", "file": {}}]}]}': 'messages[0].content[0].file: not allowed, as type is "text"',
    '{"messages": [{"content": {"type": "text", "text": 1}}]}': "messages[0].content.text: expected a string, got a number",
    '{"messages": [{"content": [{"type": "image_url", "image_url": {"url": 5}}]}]}': "messages[0].content[0].image_url.url: expected a string, got a number",
    '{"messages": [{"content": [{"type": "image_url", "image_url": 5}]}]}': "messages[0].content[0].image_url: expected a string or an object, got a number",
    # members that are not known
    '{"memory_strategy": {"name": "last_k", "kk": 1}}': 'memory_strategy.kk: unknown member; did you mean "k"?',
    '{"memory_strategy": {"nam": "last_k"}}': 'memory_strategy.nam: unknown member; did you mean "name"?',
    '{"memory_strategy": {"Zürich": null}}': 'memory_strategy["Z\\u00fcrich"]: unknown member',
    '{"memory_strategy": {"params": {"size": 1}}}': "memory_strategy.params.size: unknown member",
    '{"memory_strategy": {"params": {"params": {}}}}': "memory_strategy.params.params: unknown member",
    '{"memory_strategy": {"params": {"k": "1"}}}': "memory_strategy.params.k: expected an integer, got a string",
    '{"memory_strategy": {"params": 1}}': "memory_strategy.params: expected an object, got a number",
    # free JSON
    '{"chat_template_kwargs": "{}"}': "chat_template_kwargs: expected an object, got a string",
    '{"tools": [{"function": {"parameters": [1]}}]}': "tools[0].function.parameters: expected an object, got a list",
    '{"guided_json": 1}': "guided_json: expected an object, or a string that holds one, got a number",
    '{"guided_json": "{"}': "guided_json: as JSON text: not valid JSON at line 1, column 2: unexpected end of data",
    '{"guided_json": "[]"}': "guided_json: as JSON text: expected one JSON object, got a list",
}


@pytest.mark.parametrize(("text", "problem"), REQUESTS.items())
def test_requests(text: str, problem: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decoder(completion_pb2.CompletionRequest)(parse_object(text.encode()))
    assert str(caught.value) == problem
    assert f"{caught.value.path}: {caught.value.problem}" == problem


ANSWERS: tuple[tuple[type[Message], str, str], ...] = (
    (completion_pb2.TokenLogprob, '{"bytes": "abc"}', "bytes: expected a list of integers, got a string"),
    (completion_pb2.TokenLogprob, '{"bytes": [1, 256]}', "bytes[1]: expected an integer in [0, 255], got 256"),
    (completion_pb2.TokenLogprob, '{"bytes": [true]}', "bytes[0]: expected an integer, got a boolean"),
    (completion_pb2.TokenLogprob, '{"bytes": [-1]}', "bytes[0]: expected an integer in [0, 255], got -1"),
    (completion_pb2.Usage, '{"prompt_tokens": -1}', "prompt_tokens: expected an integer in [0, 4294967295], got -1"),
    (completion_pb2.Delta, '{"reasoning": 1}', "reasoning: expected a string, got a number"),
    (completion_pb2.Delta, '{"reasoning_content": "a", "reasoning": 1}', "reasoning: expected a string, got a number"),
)


@pytest.mark.parametrize(("message_class", "text", "problem"), ANSWERS)
def test_answers(message_class: type[Message], text: str, problem: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decoder(message_class)(parse_object(text.encode()))
    assert str(caught.value) == problem


def deep(opening: str, levels: int, closing: str) -> str:
    return opening * levels + closing * levels


TOO_DEEP = {
    f'{{"chat_template_kwargs": {{"a": {deep("[", 254, "]")}}}}}': "chat_template_kwargs",
    f'{{"messages": [{{"b": 1, "a": {deep("[", 255, "]")}}}]}}': "messages[0].a",
    f'{{"messages": [{{"content": [{{"type": "x", "a": {deep("[", 254, "]")}}}]}}]}}': "messages[0].content[0]",
    f'{{"response_format": {{"json_schema": {{"schema": {deep("[", 255, "]")}}}}}}}': "response_format.json_schema.schema",
}


@pytest.mark.parametrize(("text", "path"), TOO_DEEP.items(), ids=TOO_DEEP.values())
def test_free_values_that_are_too_deep_are_refused_by_name(text: str, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decoder(completion_pb2.CompletionRequest)(parse_object(text.encode()))
    assert str(caught.value) == f"{path}: nested more than 254 levels deep"


def test_an_error_repeats_no_value_and_little_of_a_name() -> None:
    with pytest.raises(DecodeError) as caught:
        decoder(completion_pb2.CompletionRequest)({"n": "secret", "metadata": {"a": "b"}})
    assert "secret" not in str(caught.value)
    with pytest.raises(DecodeError) as caught:
        decoder(completion_pb2.CompletionRequest)({"metadata": {"\r\nx" * 100_000: 1}})
    assert len(caught.value.path) < 500
    assert "\n" not in caught.value.path


def test_text_that_is_no_unicode_is_refused() -> None:
    # No parsed document has such text; one that is made in Python may.
    with pytest.raises(DecodeError, match=r"^model: holds half of a surrogate pair"):
        decoder(completion_pb2.CompletionRequest)({"model": "\ud83d"})
    with pytest.raises(DecodeError, match=r"^messages\[0\]\.content: holds half of a surrogate pair"):
        decoder(completion_pb2.CompletionRequest)({"messages": [{"content": "\ud83d"}]})
    with pytest.raises(DecodeError, match=r"^messages\[0\]\.content\[1\]: holds half of a surrogate pair"):
        decoder(completion_pb2.CompletionRequest)({"messages": [{"content": ["a", "\ud83d"]}]})
    with pytest.raises(DecodeError, match=r"^stop: holds half of a surrogate pair"):
        decoder(completion_pb2.CompletionRequest)({"stop": "\ud83d"})
    with pytest.raises(DecodeError, match=r"^not writable as JSON|^zzz: not writable as JSON"):
        decoder(completion_pb2.CompletionRequest)({"zzz": "\ud83d"})


def test_a_list_of_more_messages_than_anyone_sends_is_refused_at_once() -> None:
    with pytest.raises(DecodeError) as caught:
        decoder(completion_pb2.CompletionRequest)(parse_object(b'{"messages":[' + b"{}," * 100_000 + b"{}]}"))
    assert str(caught.value) == "messages: expected at most 100000 elements, got 100001"
