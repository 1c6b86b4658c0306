"""Requests as callers write them, and what Anthropic has to get for them, member by member."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

HI: list[Json] = [{"role": "user", "content": "hi"}]
PNG = "iVBORw0KGgo="
SCHEMA = '{"type":"object","properties":{"z":{"$ref":"#/$defs/n"},"a":{"const":18446744073709551617}},"required":["z","a"],"additionalProperties":false,"$defs":{"n":{"type":"integer"}}}'
TOOL: Json = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
F: Json = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
MARK: Json = {"type": "ephemeral", "ttl": "1h"}
THOUGHT: Json = {"type": "thinking", "thinking": "hm", "signature": "EqoB"}
HIDDEN: Json = {"type": "redacted_thinking", "data": "Emw"}


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    request: Json
    """Without the model; messages default to HI."""
    body: Json
    """What is in the body beside model, max_tokens (9 if the request sets none) and messages (default HI)."""
    model: str = "claude-opus-5"
    version: str = "2026-10-21"


def call(id_: str, arguments: str, **more: Any) -> Json:
    return {"id": id_, "type": "function", "function": {"name": "f", "arguments": arguments}, **more}


def use(id_: str, **arguments: Any) -> Json:
    return {"type": "tool_use", "id": id_, "name": "f", "input": arguments}


def asks(*content: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(content)}]}


def gets(*content: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(content)}]}


CASES = (
    Case("plain", {}, {}),
    Case("limit", {"max_tokens": 5}, {"max_tokens": 5}),
    Case("newer name of the limit", {"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 6}),
    Case("stop", {"stop": "x"}, {"stop_sequences": ["x"]}),
    Case("user", {"user": "u"}, {"metadata": {"user_id": "u"}}),
    Case(
        "zeros are kept and the older version is asked",
        {"temperature": 0, "top_k": 4},
        {"temperature": 0, "top_k": 4},
        model="claude-sonnet-4-5",
        version="2023-06-01",
    ),
    Case("all of the vocabulary", {"top_k": -1}, {}, model="claude-sonnet-4-5", version="2023-06-01"),
    Case(
        "of temperature and top_p the one that changes nothing is left out",
        {"temperature": 0.5, "top_p": 1},
        {"temperature": 0.5},
        model="claude-haiku-4-5-20251001",
        version="2023-06-01",
    ),
    Case(
        "another's model takes another's range",
        {"temperature": 2, "top_p": 1},
        {"temperature": 2, "top_p": 1},
        model="smollm2",
        version="2023-06-01",
    ),
    Case(
        "all instructions, in order",
        {
            "messages": [
                {"role": "system", "content": "a"},
                {"role": "user", "content": "hi"},
                {"role": "developer", "content": [{"type": "text", "text": "b", "cache_control": MARK}]},
            ]
        },
        {"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": MARK}]},
    ),
    Case("one instruction", {"messages": [{"role": "system", "content": "a"}, *HI]}, {"system": "a"}),
    Case(
        "results of parallel calls stand in one turn with what the user says next",
        {
            "messages": [
                *HI,
                {"role": "assistant", "content": "ok", "tool_calls": [call("c.1", ""), call("c2", '{"b":1,"a":2.0}')]},
                {"role": "tool", "tool_call_id": "c.1", "content": "18C"},
                {"role": "tool", "tool_call_id": "c2", "content": "", "is_error": True},
                {"role": "user", "content": "and?"},
            ],
            "tools": [TOOL],
        },
        {
            "messages": [
                *HI,
                {"role": "assistant", "content": [{"type": "text", "text": "ok"}, use("c_1"), use("c2", b=1, a=2.0)]},
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "c_1", "content": "18C"},
                        {"type": "tool_result", "tool_use_id": "c2", "is_error": True},
                        {"type": "text", "text": "and?"},
                    ],
                },
            ],
            "tools": [F],
        },
    ),
    Case(
        "thinking goes back before what it led to",
        {
            "messages": [
                *HI,
                {
                    "role": "assistant",
                    "content": None,
                    "thinking_blocks": [THOUGHT, HIDDEN],
                    "tool_calls": [call("c1", "{}", extra_content={"anthropic": {"caller": {"type": "direct"}}})],
                },
                {
                    "role": "tool",
                    "tool_call_id": "c1",
                    "content": [{"type": "text", "text": "x", "cache_control": MARK}],
                },
            ],
            "tools": [TOOL],
        },
        {
            "messages": [
                *HI,
                {"role": "assistant", "content": [THOUGHT, HIDDEN, {**use("c1"), "caller": {"type": "direct"}}]},
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "x", "cache_control": MARK}],
                },
            ],
            "tools": [F],
        },
    ),
    Case(
        "a turn that Anthropic paused goes back as it was",
        {
            "messages": [
                *HI,
                {
                    "role": "assistant",
                    "content": "Searching",
                    "content_blocks": [
                        {"type": "text", "text": "Searching"},
                        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
                    ],
                },
            ]
        },
        {
            "messages": [
                *HI,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Searching"},
                        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
                    ],
                },
            ]
        },
    ),
    Case(
        "empty content is not sent",
        {
            "messages": [
                {"role": "user", "content": ""},
                *HI,
                {"role": "assistant", "content": [{"type": "text", "text": ""}]},
            ]
        },
        {},
    ),
    Case(
        "a refusal is something that was said",
        {"messages": [*HI, {"role": "assistant", "content": None, "refusal": "no"}, *HI]},
        {"messages": [*HI, {"role": "assistant", "content": "no"}, *HI]},
    ),
    Case(
        "images by address, data and older form",
        asks(
            {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{PNG}"}},
            {"type": "image_url", "image_url": {"url": PNG, "media_type": "image/webp"}},
            {"type": "image_data", "image_data": {"data": PNG, "media_type": "image/jpeg"}, "cache_control": MARK},
        ),
        gets(
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": PNG}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": PNG}},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG},
                "cache_control": MARK,
            },
        ),
    ),
    Case(
        "documents",
        asks(
            {"type": "file", "file": {"file_id": "file_1"}},
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"},
                "citations": {"enabled": True},
            },
            {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aMO2"}},
            {"type": "file", "file": {"filename": "a.png", "file_data": PNG}},
            {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]},
        ),
        gets(
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
                "title": "a.pdf",
                "citations": {"enabled": True},
            },
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "hö"},
                "title": "a.txt",
            },
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]},
        ),
    ),
    Case(
        "tools keep what is theirs",
        {
            "tools": [
                {"type": "function", "function": {"name": "g", "strict": True, "input_examples": [{"a": 1}]}},
                {**TOOL, "cache_control": MARK, "defer_loading": True},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            ]
        },
        {
            "tools": [
                {
                    "name": "g",
                    "strict": True,
                    "input_examples": [{"a": 1}],
                    "input_schema": {"type": "object", "properties": {}},
                },
                {**F, "cache_control": MARK, "defer_loading": True},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            ]
        },
    ),
    Case("call nothing", {"tools": [TOOL], "tool_choice": "none"}, {"tools": [F], "tool_choice": {"type": "none"}}),
    Case(
        "call something",
        {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False},
        {"tools": [F], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    ),
    Case(
        "call this",
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tools": [F], "tool_choice": {"type": "tool", "name": "f"}},
    ),
    Case(
        "one call at a time needs a choice",
        {"tools": [TOOL], "parallel_tool_calls": False},
        {"tools": [F], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    ),
    Case("a choice without tools is none", {"tool_choice": "auto", "parallel_tool_calls": True}, {}),
    Case(
        "a schema",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ),
    Case(
        "a schema in vLLM's way",
        {"guided_json": {"type": "object"}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ),
    Case(
        "effort",
        {"reasoning_effort": "xhigh", "response_format": {"type": "text"}},
        {"output_config": {"effort": "xhigh"}},
    ),
    Case(
        "effort that has to be asked for",
        {"reasoning_effort": "xhigh"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        model="claude-opus-4-6",
    ),
    Case(
        "effort beside a schema",
        {"reasoning_effort": "minimal", "guided_json": {"type": "object"}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "low"}},
    ),
    Case(
        "effort as a budget",
        {"reasoning_effort": "medium", "max_tokens": 20000},
        {"max_tokens": 20000, "thinking": {"type": "enabled", "budget_tokens": 8192}},
        model="claude-haiku-4-5",
    ),
    Case(
        "a budget within the limit",
        {"reasoning_effort": "high", "max_tokens": 2000},
        {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1999}},
        model="claude-haiku-4-5",
    ),
    Case("no effort where there is none", {"reasoning_effort": "none"}, {}, model="claude-opus-4-8"),
    Case("no effort", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}, model="claude-sonnet-5"),
    Case(
        "no effort but between tools",
        {"reasoning_effort": "none"},
        {"thinking": {"type": "between_tools"}},
        model="claude-sonnet-5-5",
    ),
    Case(
        "members that Anthropic knows",
        {"thinking": {"type": "adaptive", "display": "summarized"}, "service_tier": "auto"},
        {"thinking": {"type": "adaptive", "display": "summarized"}, "service_tier": "auto"},
    ),
    Case(
        "additions come last, and never replace the model",
        {
            "reasoning_effort": "low",
            "inference_extra_params": {
                "model": "x",
                "stream": True,
                "inference_geo": "eu",
                "thinking": {"display": "omitted"},
            },
        },
        {
            "thinking": {"type": "adaptive", "display": "omitted"},
            "output_config": {"effort": "low"},
            "inference_geo": "eu",
        },
        model="claude-opus-4-7",
    ),
)
