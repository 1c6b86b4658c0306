import json
from typing import Any

import pytest

from service.backends.bedrock.fields import CONVERSE, FAMILIES, VALUES
from service.backends.fields import NAMES, Sent, missing
from tests.backends import botocore_judge as judge
from tests.backends.bedrock_requests import (
    CALLS,
    CLAUDE,
    HI,
    HI_TURN,
    RESULTS,
    SCHEMA,
    SPEC,
    WEATHER,
    from_json,
    refused,
    sent,
    target,
)


def test_every_field_has_a_row() -> None:
    assert not missing(CONVERSE)
    for family in FAMILIES:
        assert set(family.fields) <= set(NAMES)
        assert family.source.startswith("https://")
    assert all(
        "." in row.name or row.name == "requestMetadata" for name in VALUES if isinstance(row := CONVERSE[name], Sent)
    )


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("anthropic.claude-v2:1", "/model/anthropic.claude-v2%3A1/converse"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-20250514-v1:0",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-opus-4-20250514-v1%3A0/converse",
        ),
    ],
)
def test_the_models_name_is_one_part_of_the_path(model: str, path: str) -> None:
    for stream in (False, True):
        request = from_json({"model": "v/m", "messages": [HI]})
        encoded = CLAUDE.dialect.encode(request, target(model), stream=stream)
        assert encoded.path == path + ("-stream" if stream else "")
        judge.accept(encoded)


def test_headers_are_in_lower_case_and_hold_those_of_the_caller() -> None:
    request = from_json({"model": "v/m", "messages": [HI], "inference_extra_headers": {"X-Trace": "1"}})
    headers = CLAUDE.dialect.encode(request, CLAUDE, stream=True).headers
    assert headers == {
        "content-type": "application/json",
        "accept": "application/vnd.amazon.eventstream",
        "x-trace": "1",
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {}),
        ({"temperature": 0, "top_p": 0}, {"inferenceConfig": {"temperature": 0, "topP": 0}}),
        ({"max_tokens": 5, "stop": "x"}, {"inferenceConfig": {"maxTokens": 5, "stopSequences": ["x"]}}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"inferenceConfig": {"maxTokens": 6}}),
        ({"top_k": 5}, {"additionalModelRequestFields": {"top_k": 5}}),
        ({"top_k": -1}, {}),
        ({"metadata": {"team": "a"}}, {"requestMetadata": {"team": "a"}}),
        ({"response_format": {"type": "text"}}, {}),
        (
            {"guided_json": json.loads(SCHEMA)},
            {
                "outputConfig": {
                    "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": SCHEMA}}}
                }
            },
        ),
        (
            {"inference_extra_params": {"model": "x", "stream": True, "inferenceConfig": {"maxTokens": 9},
                                        "performanceConfig": {"latency": "optimized"}}, "temperature": 0.5},
            {"inferenceConfig": {"temperature": 0.5, "maxTokens": 9}, "performanceConfig": {"latency": "optimized"}},
        ),
    ],
)  # fmt: skip
def test_parameters(body: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent(body) == {"messages": [HI_TURN], **expected}


@pytest.mark.parametrize(
    ("model", "body", "expected"),
    [
        ("us.amazon.nova-pro-v1:0", {"top_k": 5}, {"additionalModelRequestFields": {"inferenceConfig": {"topK": 5}}}),
        (
            "openai.gpt-oss-20b-1:0",
            {"reasoning_effort": "low", "seed": 0},
            {"additionalModelRequestFields": {"reasoning_effort": "low", "seed": 0}},
        ),
        ("global.anthropic.claude-opus-4-8-v1:0", {"reasoning_effort": "minimal"}, {"outputConfig": {"effort": "low"}}),
        ("anthropic.claude-opus-5", {"reasoning_effort": "xhigh"}, {"outputConfig": {"effort": "xhigh"}}),
    ],
)
def test_what_families_call_otherwise(model: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent(body, model) == {"messages": [HI_TURN], **expected}


@pytest.mark.parametrize(
    ("model", "sampling", "effort"),
    [
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", True, False),
        ("anthropic.claude-sonnet-4-20250514-v1:0", True, False),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True, False),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", True, True),
        ("us.anthropic.claude-opus-4-6-v1", True, True),
        ("us.anthropic.claude-sonnet-4-6", True, True),
        ("eu.anthropic.claude-opus-4-7", False, True),
        ("anthropic.claude-opus-5", False, True),
        ("us.anthropic.claude-sonnet-5-20260630-v1:0", False, True),
        ("meta.llama4-maverick-17b-instruct-v1:0", True, False),
    ],
)
def test_what_families_of_claude_take(model: str, sampling: bool, effort: bool) -> None:
    fields = target(model).fields
    assert isinstance(fields["temperature"], Sent) is sampling
    assert isinstance(fields["reasoning_effort"], Sent) is effort
    assert isinstance(fields["top_k"], Sent) is (sampling and "claude" in model)


def test_a_schema_goes_verbatim() -> None:
    form = {
        "type": "json_schema",
        "json_schema": {"name": "n", "description": "d", "strict": True, "schema": json.loads(SCHEMA)},
    }
    body = sent({"response_format": form})
    assert body["outputConfig"]["textFormat"]["structure"]["jsonSchema"] == {
        "schema": SCHEMA,
        "name": "n",
        "description": "d",
    }
    raw = CLAUDE.dialect.encode(
        from_json({"model": "m", "messages": [HI], "tools": [WEATHER]}), CLAUDE, stream=False
    ).body
    assert SCHEMA.encode() in raw


NONE: dict[str, Any] = {"additionalModelRequestFields": {"tool_choice": {"type": "none"}}}
STUBS: list[dict[str, Any]] = [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object", "properties": {}}}}}
         for name in ("get_weather", "get_time")]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tools": [WEATHER], "tool_choice": "auto"}, {"toolConfig": {"tools": [SPEC]}}),
        ({"tools": [WEATHER], "tool_choice": "none"}, {}),
        ({"tools": [WEATHER], "tool_choice": "required"}, {"toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}}}),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
            {"toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "get_weather"}}}},
        ),
        (
            {"tools": [WEATHER], "parallel_tool_calls": False},
            {"toolConfig": {"tools": [SPEC]},
             "additionalModelRequestFields": {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}},
        ),
        (
            {"tools": [WEATHER], "parallel_tool_calls": False, "tool_choice": "required", "top_k": 3},
            {"toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}},
             "additionalModelRequestFields": {"tool_choice": {"disable_parallel_tool_use": True}, "top_k": 3}},
        ),
        ({"parallel_tool_calls": False}, {}),
        ({"tools": [WEATHER], "tool_choice": "none", "messages": [HI, CALLS, *RESULTS]}, {"toolConfig": {"tools": [SPEC]}, **NONE}),
        ({"messages": [HI, CALLS, *RESULTS]}, {"toolConfig": {"tools": STUBS}, **NONE}),
    ],
)  # fmt: skip
def test_tools_and_the_choice_among_them(body: dict[str, Any], expected: dict[str, Any]) -> None:
    seen = sent(body)
    del seen["messages"]
    assert seen == expected


def test_no_choice_of_tools_cannot_be_said_to_models_other_than_claude() -> None:
    body = {"tools": [WEATHER], "tool_choice": "none", "messages": [HI, CALLS, *RESULTS]}
    assert refused(body, "us.amazon.nova-pro-v1:0").param == "tool_choice"
    del body["tools"], body["tool_choice"]
    assert sent(body, "us.amazon.nova-pro-v1:0").keys() == {"messages", "toolConfig"}
