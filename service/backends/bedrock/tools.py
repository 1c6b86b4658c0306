"""Tools and the choice among them, as Converse and, where it has no word for it, Claude want them."""

from collections.abc import Sequence
from typing import Final

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.tool_pb2 import FunctionDefinition, Tool, ToolChoice

from service.backends.bedrock.messages import cache_point
from service.backends.bedrock.refusal import refuse_members, unsupported
from service.codec import JsonObject, JsonValue

_NO_PARAMETERS: Final = '{"type":"object","properties":{}}'


def add_tools(body: JsonObject, request: CompletionRequest, called: Sequence[str], *, claude: bool) -> None:
    """Adds the tools and the choice among them to a request's body.

    :param called: names of the functions that the conversation calls: Converse then wants tools, whatever is to come.
    :param claude: whether the model has Claude's own `tool_choice`.
    """
    forbidden = request.tool_choice.mode == "none"
    if not called and (forbidden or not request.tools):
        return
    if forbidden and not claude:
        raise unsupported(
            "tool_choice", "Converse has no such choice where the conversation has calls, but for Claude models"
        )
    tools = _tools(request.tools) if request.tools else [_stub(name) for name in dict.fromkeys(called)]
    config: JsonObject = {"tools": tools}
    body["toolConfig"] = config
    own: JsonObject = {}
    if forbidden or not request.tools:
        own["type"] = "none"
    elif choice := _choice(request.tool_choice):
        config["toolChoice"] = choice
    if request.HasField("parallel_tool_calls") and not request.parallel_tool_calls and "type" not in own:
        if "toolChoice" not in config:
            own["type"] = "auto"
        # With a `type` of its own beside toolChoice it is refused, without either, too:
        # https://github.com/BerriAI/litellm/issues/36536, https://github.com/BerriAI/litellm/pull/34347
        own["disable_parallel_tool_use"] = True
    if own and claude:
        body["additionalModelRequestFields"] = {"tool_choice": own}


def _tools(tools: Sequence[Tool]) -> list[JsonValue]:
    blocks: list[JsonValue] = []
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if tool.type != "function":
            raise unsupported(f"{path}.type", f"Converse has only functions, no {tool.type}")
        refuse_members(path, tool.extra_fields)
        refuse_members(f"{path}.function", tool.function.extra_fields)
        blocks.append({"toolSpec": _spec(tool.function)})
        if tool.HasField("cache_control"):
            blocks.append(cache_point(tool.cache_control))
    return blocks


def _spec(function: FunctionDefinition) -> JsonObject:
    schema = orjson.Fragment(function.parameters or _NO_PARAMETERS)
    spec: JsonObject = {"name": function.name, "inputSchema": {"json": schema}}
    if function.description.strip():
        spec["description"] = function.description
    if function.HasField("strict"):
        spec["strict"] = function.strict
    return spec


def _stub(name: str) -> JsonValue:
    return {"toolSpec": {"name": name, "inputSchema": {"json": orjson.Fragment(_NO_PARAMETERS)}}}


def _choice(choice: ToolChoice) -> JsonObject | None:
    """None for what every model does anyway, since some refuse to be told."""
    if choice.HasField("function"):
        return {"tool": {"name": choice.function.name}}
    if choice.type not in {"", "function"}:
        raise unsupported("tool_choice.type", f"Converse chooses among functions only, not {choice.type}")
    return {"any": {}} if choice.mode == "required" else None
