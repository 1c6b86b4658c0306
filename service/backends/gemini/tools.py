"""Tools and the choice among them."""

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.tool_pb2 import FunctionDefinition

from service.codec import JsonObject, JsonValue
from service.errors import ApiError, Kind

_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}


def tools_of(request: CompletionRequest) -> list[JsonValue]:
    """The functions that may be called, as the one tool that they are to Gemini."""
    declarations: list[JsonValue] = []
    for index, tool in enumerate(request.tools):
        if tool.type != "function":
            path = f"tools[{index}].type"
            problem = f"{path}: only functions have a form there; the vendor's own tools go into inference_extra_params"
            raise ApiError(Kind.UNSUPPORTED, problem, param=path)
        declarations.append(_declaration(tool.function))
    return [{"functionDeclarations": declarations}] if declarations else []


def _declaration(function: FunctionDefinition) -> JsonObject:
    declaration: JsonObject = {"name": function.name}
    if function.HasField("description"):
        declaration["description"] = function.description
    if function.parameters:
        declaration["parametersJsonSchema"] = orjson.Fragment(function.parameters)
    return declaration


def choice_of(request: CompletionRequest) -> JsonObject:
    """Which function is called; nothing where the vendor's default says it.

    A strict function asks for VALIDATED, in which calls follow their schemas; ANY does so anyway
    (https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes).
    """
    choice = request.tool_choice
    if not request.tools:
        return {}
    if choice.HasField("function"):
        return _config({"mode": "ANY", "allowedFunctionNames": [choice.function.name]})
    if choice.extra_fields or choice.type not in {"", "function"}:
        raise ApiError(Kind.UNSUPPORTED, f"tool_choice: {choice.type!r} has no form there", param="tool_choice")
    if choice.mode in {"", "auto"} and any(tool.function.strict for tool in request.tools):
        return _config({"mode": "VALIDATED"})
    return _config({"mode": _MODES[choice.mode]}) if choice.mode else {}


def _config(calling: JsonObject) -> JsonObject:
    return {"functionCallingConfig": calling}
