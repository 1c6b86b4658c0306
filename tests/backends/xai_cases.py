"""Conversations in our words and in those of xAI's client; both must send the same."""

from dataclasses import dataclass, field
from typing import Any

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.codec import decoder

Json = dict[str, Any]
_decode = decoder(CompletionRequest)

PNG = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = '{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"integer"}}}'
WEATHER: Json = {"type": "object", "properties": {"city": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation."""

    id: str
    ours: Json = field(default_factory=dict[str, Any])
    """Members of a request of ours, as JSON."""
    settings: Json = field(default_factory=dict[str, Any])
    """What the client is told besides the messages."""
    messages: list[Json] | None = None
    """The turns, as tests/sdk/xai.py knows them."""

    @property
    def request(self) -> CompletionRequest:
        return _decode({"model": "xai_grpc/grok-4", "messages": [{"role": "user", "content": "hi"}], **self.ours})


HI: list[Json] = [{"role": "user", "parts": [{"text": "hi"}]}]

CASES = (
    Case("nothing but text"),
    Case(
        "every knob",
        {
            "temperature": 0, "top_p": 0.5, "max_tokens": 5, "seed": -7, "stop": ["a", "b"], "user": "u",
            "frequency_penalty": 0, "presence_penalty": -1.5, "logprobs": True, "top_logprobs": 2,
            "parallel_tool_calls": False, "reasoning_effort": "low", "store": True,
        },
        {
            "temperature": 0, "top_p": 0.5, "max_tokens": 5, "seed": -7, "stop": ["a", "b"], "user": "u",
            "frequency_penalty": 0, "presence_penalty": -1.5, "logprobs": True, "top_logprobs": 2,
            "parallel_tool_calls": False, "reasoning_effort": "low", "store_messages": True,
        },
    ),
    Case("the newer limit", {"max_tokens": 5, "max_completion_tokens": 9}, {"max_tokens": 9}),
    Case("no effort", {"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
    Case(
        "a schema",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"z": 1, "a": 2}}}},
        {"schema": '{"z":1,"a":2}'},
    ),
    Case("a guide", {"guided_json": SCHEMA}, {"schema": SCHEMA}),
    Case("any JSON", {"response_format": {"type": "json_object"}}, {"response_format": "json_object"}),
    Case(
        "further fields",
        {"inference_extra_params": {"use_encrypted_content": True, "model": "other", "temperature": 0.25}},
        {"use_encrypted_content": True, "temperature": 0.25},
    ),
    Case(
        "images and files",
        {
            "messages": [
                {"role": "system", "content": "be kind"},
                {"role": "developer", "content": "be brief"},
                {
                    "role": "user",
                    "name": "ann",
                    "content": [
                        {"type": "text", "text": "what?"},
                        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
                        {"type": "image_url", "image_url": {"url": PNG}},
                        {"type": "image_data", "image_data": {"data": "iVBORw0KGgo=", "media_type": "image/png"}},
                        {"type": "file", "file": {"file_id": "file-1"}},
                        {"type": "file", "file": {"file_data": "data:text/plain;base64,aGk=", "filename": "a.txt"}},
                    ],
                },
            ]
        },
        messages=[
            {"role": "system", "parts": [{"text": "be kind"}]},
            {"role": "developer", "parts": [{"text": "be brief"}]},
            {
                "role": "user",
                "name": "ann",
                "parts": [
                    {"text": "what?"},
                    {"image": "https://x/y.png", "detail": "low"},
                    {"image": PNG},
                    {"image": PNG},
                    {"file": {"file_id": "file-1"}},
                    {"file": {"data": "aGk=", "filename": "a.txt", "mime_type": "text/plain"}},
                ],
            },
        ],
    ),
    Case(
        "tools",
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": WEATHER}}
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "content": "Let me look.",
                    "reasoning_content": "Hm.",
                    "encrypted_content": "c2VhbGVk",
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}},
                        {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
                {"role": "tool", "tool_call_id": "call_2", "content": "sun"},
            ],
        },
        {"tools": [{"name": "f", "description": "d", "parameters": WEATHER}], "required_tool": "f"},
        [
            *HI,
            {
                "role": "assistant",
                "parts": [{"text": "Let me look."}],
                "reasoning": "Hm.",
                "sealed": "c2VhbGVk",
                "calls": [
                    {"id": "call_1", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "call_2", "function": {"name": "f", "arguments": '{"a": 1}'}},
                ],
            },
            {"role": "tool", "id": "call_1", "result": "rain"},
            {"role": "tool", "id": "call_2", "result": "sun"},
        ],
    ),
    Case("must call", {"tool_choice": "required"}, {"tool_choice": "required"}),
)  # fmt: skip
