"""Requests to Bedrock as the tests write them: in the JSON of our own schema, each judged by botocore."""

import base64
import dataclasses
import json
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.codec import decoder as json_decoder
from service.errors import ApiError
from tests.backends import botocore_judge as judge
from tests.conformance.bedrock import BEDROCK

CLAUDE = BEDROCK.target
from_json = json_decoder(CompletionRequest)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 8).decode()
SCHEMA = '{"type":"object","properties":{"z":{"type":"integer"},"a":{"type":"string"}},"additionalProperties":false}'
WEATHER: dict[str, Any] = {"type": "function", "function": {"name": "get_weather", "parameters": json.loads(SCHEMA)}}
SPEC: dict[str, Any] = {"toolSpec": {"name": "get_weather", "inputSchema": {"json": json.loads(SCHEMA)}}}
HI: dict[str, Any] = {"role": "user", "content": "hi"}
HI_TURN: dict[str, Any] = {"role": "user", "content": [{"text": "hi"}]}
CALLS: dict[str, Any] = {
    "role": "assistant",
    "content": "Let me look.",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"a":"Paris"}'}},
        {"id": "call|2", "type": "function", "function": {"name": "get_time", "arguments": ""}},
    ],
}
RESULTS: list[dict[str, Any]] = [
    {"role": "tool", "tool_call_id": "call_1", "content": "18 C"},
    {"role": "tool", "tool_call_id": "call|2", "content": "", "is_error": True},
]


def target(model: str) -> Target:
    return dataclasses.replace(CLAUDE, model=model)


def sent(body: dict[str, Any], model: str = CLAUDE.model, *, stream: bool = False) -> dict[str, Any]:
    message = from_json({"model": "v/m", "messages": [HI], **body})
    return judge.accept(CLAUDE.dialect.encode(message, target(model), stream=stream))


def refused(body: dict[str, Any], model: str = CLAUDE.model) -> ApiError:
    with pytest.raises(ApiError) as caught:
        sent(body, model)
    return caught.value
