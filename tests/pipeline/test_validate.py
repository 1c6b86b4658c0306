import json
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.auth import Caller
from service.codec import decoder
from service.errors import ApiError, Kind
from service.pipeline import RequestContext
from service.pipeline.prepare import prepare

decode = decoder(CompletionRequest)
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}]}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "1"}


def check(stream: bool = False, **fields: Any) -> CompletionRequest:
    request = decode(json.loads(json.dumps({"model": "v/m", "messages": [USER], **fields})))
    prepare(request, RequestContext("id", Caller("a"), "rest"), stream=stream)
    return request


BROKEN: list[tuple[dict[str, Any], str, str]] = [
        ({"temperature": -0.1}, "temperature", "from 0 to 2, got -0.1"),
        ({"temperature": 2.1}, "temperature", "from 0 to 2"),
        ({"top_p": 1.5}, "top_p", "from 0 to 1"),
        ({"top_k": -2}, "top_k", "at least -1"),
        ({"n": 0}, "n", "from 1 to 128"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        ({"max_completion_tokens": -1}, "max_completion_tokens", "at least 1"),
        ({"frequency_penalty": 2.5}, "frequency_penalty", "from -2 to 2"),
        ({"presence_penalty": -3}, "presence_penalty", "from -2 to 2"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs", "from 0 to 20"),
        ({"top_logprobs": 2}, "top_logprobs", "needs logprobs"),
        ({"n": 3, "best_of": 2}, "best_of", "at least n, which is 3"),
        ({"best_of": 2, "stream": True}, "best_of", "cannot be streamed"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "at most 4"),
        ({"stop": ["a", ""]}, "stop[1]", "at least one character"),
        ({"logit_bias": {"x": 1}}, "logit_bias.x", "number of a token"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5", "from -100 to 100"),
        ({"modalities": ["smell"]}, "modalities[0]", "text or audio"),
        ({"modalities": ["text", "audio"]}, "audio", "required, as modalities has audio"),
        ({"audio": {"voice": "ash", "format": "wav"}}, "audio", "needs modalities with audio"),
        ({"modalities": ["audio"], "audio": {"voice": "ash"}}, "audio.format", "required"),
        ({"guided_decoding_backend": "magic"}, "guided_decoding_backend", "outlines or lm-format-enforcer"),
        ({"guided_regex": "a", "guided_choice": ["a"]}, "guided_choice", "together with guided_regex"),
        ({"guided_regex": "a", "response_format": {"type": "json_object"}}, "guided_regex", "asks for JSON"),
        ({"guided_json": {"type": "objekt"}}, "guided_json", "guided_json.type: not a JSON Schema"),
        ({"guided_json": {"properties": {"a": {"pattern": "("}}}}, "guided_json", "properties.a.pattern"),
        ({"guided_json": {"$ref": "#/$defs/gone"}}, "guided_json", "/$defs/gone"),
        ({"response_format": {}}, "response_format.type", "required"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.name", "required"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": 5}}},
            "response_format.json_schema.schema",
            "expected an object",
        ),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "required"),
        ({"tools": [{"function": {"name": "f"}}]}, "tools[0].type", "required"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": 7}}}]},
            "tools[0].function.parameters",
            "not a JSON Schema",
        ),
        ({"tool_choice": "required"}, "tool_choice", "there are no tools"),
        ({"tool_choice": "sometimes"}, "tool_choice", "none, auto, required or an object"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "tool_choice.function.name",
            "one of the tools, got 'g'",
        ),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call.name", "one of the functions"),
        ({"memory_strategy": {"name": "first_k", "k": 1}}, "memory_strategy.name", "expected last_k"),
        ({"memory_strategy": {"name": "last_k"}}, "memory_strategy.k", "required"),
        ({"memory_strategy": {"name": "last_k", "params": {"k": 0}}}, "memory_strategy.k", "at least 1"),
        ({"chat_template": "{% for x in y %}"}, "chat_template", "line 1: not a Jinja template"),
        ({"prediction": {"type": "content"}}, "prediction.content", "required"),
        ({"inference_timeout": 0}, "inference_timeout", "above 0"),
        ({"inference_extra_headers": {"Host": "x"}}, "inference_extra_headers.Host", "belongs to the service"),
        ({"inference_extra_headers": {"Transfer-Encoding": "x"}}, "inference_extra_headers.Transfer-Encoding", "belongs"),
        ({"inference_extra_headers": {"X-Api-Key": "x"}}, "inference_extra_headers.X-Api-Key", "belongs"),
        ({"inference_extra_headers": {"a b": "x"}}, "inference_extra_headers.a b", "not the name of a header"),
        ({"inference_extra_headers": {"a": "x\r\ny: z"}}, "inference_extra_headers.a", "printable"),
        ({"metadata": {str(i): "x" for i in range(17)}}, "metadata", "at most 16"),
        ({"messages": []}, "messages", "at least one"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "got 'robot'"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "required"),
        ({"messages": [USER, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id", "required"),
        ({"messages": [USER, RESULT]}, "messages[1].tool_call_id", "makes the call 'c'"),
        ({"messages": [RESULT, CALL]}, "messages[0].tool_call_id", "makes the call"),
        ({"messages": [{**USER, "tool_calls": CALL["tool_calls"]}]}, "messages[0].tool_calls", "role assistant"),
        ({"messages": [{**CALL, "tool_calls": [{"type": "function"}]}]}, "messages[0].tool_calls[0].id", "required"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0]", "function_call"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": ""}}]}]},
            "messages[0].content[0].image_url.url",
            "required",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(("fields", "path", "part"), BROKEN, ids=str)
def test_what_breaks_the_schemas_rules_is_refused_with_its_path(fields: dict[str, Any], path: str, part: str) -> None:
    stream = bool(fields.pop("stream", False))
    with pytest.raises(ApiError) as caught:
        check(stream, **fields)
    assert caught.value.kind is Kind.INVALID_VALUE
    assert caught.value.param == path
    assert part in caught.value.message
    assert caught.value.message.startswith(path)


GOOD: list[dict[str, Any]] = [
    {"temperature": 0, "top_p": 0, "frequency_penalty": -2, "presence_penalty": 2, "seed": 0},
    {"stop": ["a", "b", "c", "d"], "logit_bias": {"5": -100}},
    {"n": 2, "best_of": 2, "logprobs": True, "top_logprobs": 20},
    {"messages": [USER, CALL, RESULT], "tools": [TOOL], "tool_choice": "required"},
    {"guided_json": {"items": [{"type": "string"}], "type": "array"}},
    {"guided_json": {"$ref": "https://example.org/schema"}},
    {"response_format": {"type": "grammar", "syntax": "lark"}},
    {"chat_template": "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% endfor %}"},
    {"memory_strategy": {"name": "last_k", "params": {"k": 10}}},
    {"inference_timeout": "2.5", "inference_extra_headers": {"x-trace": "1"}},
]


@pytest.mark.parametrize("fields", GOOD, ids=str)
def test_what_the_schema_allows_passes(fields: dict[str, Any]) -> None:
    check(**fields)


def test_deprecated_functions_become_tools() -> None:
    request = check(
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call={"name": "f"},
        messages=[
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ],
    )
    assert [tool.function.name for tool in request.tools] == ["f"]
    assert request.tool_choice.function.name == "f"
    assert not request.functions
    assert not request.HasField("function_call")
    call, result = request.messages[1], request.messages[2]
    assert call.tool_calls[0].id == result.tool_call_id != ""
    assert (call.tool_calls[0].function.name, result.role) == ("f", "tool")
