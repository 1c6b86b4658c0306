"""What the model may call, and what it must, in Anthropic's form."""

from collections.abc import Mapping
from types import MappingProxyType

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.tool_pb2 import Tool

from service.backends.anthropic.content import cache_mark
from service.codec import JsonObject, JsonValue, parse_object
from service.errors import ApiError, Kind

MODES: Mapping[str, str] = MappingProxyType({"none": "none", "auto": "auto", "required": "any"})
"""Anthropic's types of tool_choice (https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools)."""

_NO_PARAMETERS = '{"type":"object","properties":{}}'


def tools_of(request: CompletionRequest) -> JsonObject:
    """The members `tools` and `tool_choice`. ApiError (UNSUPPORTED) for a choice that Anthropic has no form for."""
    if not request.tools:
        return {}
    tools: list[JsonValue] = [_tool(tool) for tool in request.tools]
    choice = _choice(request)
    return {"tools": tools, "tool_choice": choice} if choice else {"tools": tools}


def _tool(tool: Tool) -> JsonObject:
    extra = parse_object(tool.extra_fields) if tool.extra_fields else {}
    if tool.type != "function":
        # One of Anthropic's own, such as web_search_20250305.
        described: JsonObject = {"type": tool.type, **extra}
    else:
        function = tool.function
        if function.extra_fields:
            extra |= parse_object(function.extra_fields)
        described = {**extra, "name": function.name}
        if function.HasField("description"):
            described["description"] = function.description
        described["input_schema"] = orjson.Fragment(function.parameters or _NO_PARAMETERS)
        if function.HasField("strict"):
            described["strict"] = function.strict
    if tool.HasField("cache_control"):
        described["cache_control"] = cache_mark(tool.cache_control)
    return described


def _choice(request: CompletionRequest) -> JsonObject:
    choice = request.tool_choice
    described: JsonObject = {}
    if choice.HasField("function"):
        described = {"type": "tool", "name": choice.function.name}
    elif choice.mode:
        if choice.mode not in MODES:
            raise ApiError(Kind.INVALID_VALUE, f"tool_choice: expected {', '.join(MODES)}", param="tool_choice")
        described = {"type": MODES[choice.mode]}
    elif choice.type:
        problem = f"tool_choice: Anthropic has no choice of type {choice.type!r}"
        raise ApiError(Kind.UNSUPPORTED, problem, param="tool_choice")
    if request.HasField("parallel_tool_calls") and described.get("type") != "none":
        described.setdefault("type", "auto")
        described["disable_parallel_tool_use"] = not request.parallel_tool_calls
    return described
