"""Requests, and the bodies that Cohere gets for them."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SCHEMA = '{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"integer"}},"required":["z"]}'
PARAMETERS: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Json = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Looks out of the window.", "parameters": PARAMETERS},
}
TIME: Json = {"type": "function", "function": {"name": "get_time"}}
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
SENT_TIME: Json = {"type": "function", "function": {"name": "get_time", "parameters": NO_PARAMETERS}}
CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
BARE_CALL: Json = {"id": "call_2", "type": "function", "function": {"name": "get_time", "arguments": ""}}
HI: Json = {"role": "user", "content": "hi"}


@dataclass(frozen=True, slots=True)
class Case:
    """Members of a request, and of the body."""

    id: str
    request: Json
    body: Json
    messages: bool = False
    """Whether both say `messages` themselves; else it is HI."""


CASES = (
    Case("nothing", {}, {}),
    Case(
        "zeros",
        {"temperature": 0, "top_p": 0, "top_k": 0, "seed": 0, "frequency_penalty": 0, "presence_penalty": 0},
        {"temperature": 0, "p": 0, "k": 0, "seed": 0, "frequency_penalty": 0, "presence_penalty": 0},
    ),
    Case("all_tokens", {"top_k": -1}, {"k": 0}),
    Case("limit", {"max_tokens": 5}, {"max_tokens": 5}),
    Case("newer_limit", {"max_completion_tokens": 6, "max_tokens": 5}, {"max_tokens": 6}),
    Case("stop", {"stop": "x", "logprobs": True}, {"stop_sequences": ["x"], "logprobs": True}),
    Case("text_format", {"response_format": {"type": "text"}}, {}),
    Case("json_object", {"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
    Case(
        "json_schema",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": PARAMETERS}}},
        {"response_format": {"type": "json_object", "json_schema": PARAMETERS}},
    ),
    Case(
        "described_schema",
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": 'of "it"', "schema": PARAMETERS, "strict": True},
            }
        },
        {"response_format": {"type": "json_object", "json_schema": {"description": 'of "it"', **PARAMETERS}}},
    ),
    Case(
        "guided_json",
        {"guided_json": PARAMETERS},
        {"response_format": {"type": "json_object", "json_schema": PARAMETERS}},
    ),
    Case("tools", {"tools": [WEATHER, TIME], "tool_choice": "auto"}, {"tools": [WEATHER, SENT_TIME]}),
    Case("none", {"tools": [WEATHER], "tool_choice": "none"}, {"tools": [WEATHER], "tool_choice": "NONE"}),
    Case("no_tools", {"tool_choice": "none"}, {}),
    Case("required", {"tools": [WEATHER], "tool_choice": "required"}, {"tools": [WEATHER], "tool_choice": "REQUIRED"}),
    Case(
        "named",
        {
            "tools": [WEATHER, TIME],
            "tool_choice": {"type": "function", "function": {"name": "get_time"}},
        },
        {"tools": [SENT_TIME], "tool_choice": "REQUIRED"},
    ),
    Case(
        "strict",
        {"tools": [{**WEATHER, "function": {**WEATHER["function"], "strict": True}}, TIME]},
        {"tools": [WEATHER, SENT_TIME], "strict_tools": True},
    ),
    Case("no_reasoning", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
    Case("some_reasoning", {"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "token_budget": 1024}}),
    Case("much_reasoning", {"reasoning_effort": "high"}, {"thinking": {"type": "enabled"}}),
    Case(
        "own_members",
        {"documents": [{"id": "d", "data": {"text": "t"}}], "citation_options": {"mode": "ACCURATE"}},
        {"documents": [{"id": "d", "data": {"text": "t"}}], "citation_options": {"mode": "ACCURATE"}},
    ),
    Case(
        "extra_params",
        {"temperature": 0, "inference_extra_params": {"temperature": 1, "model": "stolen", "safety_mode": "OFF"}},
        {"temperature": 1, "safety_mode": "OFF"},
    ),
    Case(
        "conversation",
        {
            "messages": [
                {"role": "system", "content": "s1"},
                {"role": "developer", "content": [{"type": "text", "text": "s"}, {"type": "text", "text": "2"}]},
                HI,
                {
                    "role": "assistant",
                    "content": "Let me see.",
                    "reasoning_content": "plan",
                    "tool_calls": [CALL, BARE_CALL],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"},
                {
                    "role": "tool",
                    "tool_call_id": "call_2",
                    "content": [
                        {"type": "text", "text": "noon"},
                        {"type": "document", "document": {"id": "d", "data": {"z": 1, "a": 2}}},
                    ],
                },
                {"role": "assistant", "content": "Fine.", "reasoning_content": "thought"},
                {"role": "assistant", "content": None, "refusal": "No."},
                {"role": "assistant", "content": ""},
                {"role": "user", "content": "thanks"},
            ]
        },
        {
            "messages": [
                {"role": "system", "content": "s1"},
                {"role": "system", "content": "s2"},
                HI,
                {
                    "role": "assistant",
                    "tool_plan": "plan",
                    "content": "Let me see.",
                    "tool_calls": [
                        CALL,
                        {"id": "call_2", "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"},
                {
                    "role": "tool",
                    "tool_call_id": "call_2",
                    "content": [
                        {"type": "text", "text": "noon"},
                        {"type": "document", "document": {"id": "d", "data": {"z": 1, "a": 2}}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [{"type": "thinking", "thinking": "thought"}, {"type": "text", "text": "Fine."}],
                },
                {"role": "assistant", "content": "No."},
                {"role": "user", "content": "thanks"},
            ]
        },
        messages=True,
    ),
    Case(
        "images",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}},
                        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,aGk="}},
                        {"type": "image_url", "image_url": {"url": "aGk=", "media_type": "image/webp"}},
                        {"type": "image_data", "image_data": {"data": "aGk=", "media_type": "image/jpeg"}},
                    ],
                }
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}},
                        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,aGk="}},
                        {"type": "image_url", "image_url": {"url": "data:image/webp;base64,aGk="}},
                        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk="}},
                    ],
                }
            ]
        },
        messages=True,
    ),
)
