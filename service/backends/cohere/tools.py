"""Tools, and which of them is to be called, in Cohere's form.

Source: https://docs.cohere.com/docs/tool-use-overview.
"""

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.tool_pb2 import Tool

from service.backends.cohere.refusal import unsupported
from service.codec import JsonObject

_NO_PARAMETERS: JsonObject = {"type": "object", "properties": {}}
"""Cohere wants a schema of every function."""

_CHOICES = {"none": "NONE", "required": "REQUIRED"}
"""Cohere's word for `auto` is to say nothing."""


def tools_of(request: CompletionRequest) -> JsonObject:
    """The body's `tools`, `tool_choice` and `strict_tools`."""
    choice = request.tool_choice
    named = choice.function.name if choice.HasField("function") else ""
    if choice.type not in {"", "function"}:
        raise unsupported("tool_choice.type", f"Cohere knows no {choice.type!r}")
    offered = [tool for tool in request.tools if not named or tool.function.name == named]
    members: JsonObject = {}
    if offered:
        members["tools"] = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(offered)]
    if any(tool.function.strict for tool in offered):
        # One for all: a tool that may be followed loosely may also be followed strictly.
        members["strict_tools"] = True
    if named:
        members["tool_choice"] = "REQUIRED"
    elif choice.mode in _CHOICES and offered:
        members["tool_choice"] = _CHOICES[choice.mode]
    return members


def _tool(tool: Tool, path: str) -> JsonObject:
    if tool.type != "function":
        raise unsupported(f"{path}.type", f"Cohere knows no {tool.type!r}")
    function = tool.function
    parameters = orjson.Fragment(function.parameters) if function.HasField("parameters") else _NO_PARAMETERS
    form: JsonObject = {"name": function.name}
    if function.HasField("description"):
        form["description"] = function.description
    return {"type": "function", "function": {**form, "parameters": parameters}}
