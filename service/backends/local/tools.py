"""Tools for a model that was trained on none: a system message tells of them, and a grammar shapes what calls them."""

import json
from typing import cast

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.tool_pb2 import FunctionDefinition

from service.backends.local.grammar import answer_rule, grammar, json_rule
from service.codec import JsonObject, JsonValue, dumps, parse_object
from service.errors import ApiError, Kind

OPENING = '<tool_call>\n{"name": '
"""What a call begins with; the function's name as JSON follows."""
MIDDLE = ', "arguments": '
ENDING = "}\n</tool_call>"
"""What ends a call. Its raw line feed cannot stand within JSON that has no line feeds between its tokens."""

MOST_CALLS = 8
"""Calls of one answer; without a limit a small model repeats itself until its context is full."""

# Any text that does not begin as a call does, so that the first characters tell which of both it is.
_FREE_TEXT = r"/([^<](.|\n)*)?|<([^t](.|\n)*)?/"


def offered(request: CompletionRequest) -> bool:
    """Whether the model may call anything."""
    return bool(request.tools) and request.tool_choice.mode != "none"


def call_text(name: str, arguments: str) -> str:
    """A call as the model writes it and reads it again."""
    return f"{OPENING}{json.dumps(name)}{MIDDLE}{arguments}{ENDING}"


def tool_grammar(request: CompletionRequest) -> str:
    """The grammar of an answer that calls tools, or, where the choice is the model's, that may."""
    if request.guided_grammar:
        problem = "guided_grammar: the embedded model cannot follow it where there are tools"
        raise ApiError(Kind.UNSUPPORTED, problem, param="guided_grammar")
    functions = _functions(request)
    choice = request.tool_choice
    if choice.HasField("function"):
        functions = {place: f for place, f in functions.items() if f.name == choice.function.name}
    one = choice.HasField("function") or (request.HasField("parallel_tool_calls") and not request.parallel_tool_calls)
    start = "call" if one else f'call ("\\n" call){{0,{MOST_CALLS - 1}}}'
    rules = ["call: " + " | ".join(f"call_{place}" for place in functions)]
    rules += [f"call_{place}: {_call_rule(function)}" for place, function in functions.items()]
    if not choice.HasField("function") and choice.mode != "required":
        answer, _ = answer_rule(request)
        start += " | answer"
        rules.append(f"answer: {answer or _FREE_TEXT}")
    return grammar(start, *rules, param="tools")


def tell(body: JsonObject, request: CompletionRequest) -> None:
    """Adds what the model must know of the tools to its system message."""
    choice = request.tool_choice
    names = json.dumps(choice.function.name) if choice.HasField("function") else ""
    must = f"Call {names}." if names else "Call at least one of them." if choice.mode == "required" else ""
    signatures = "\n".join(dumps(_signature(function)).decode() for function in _functions(request).values())
    text = (
        "You may call functions to help with the user's request. These are their signatures:\n"
        f"<tools>\n{signatures}\n</tools>\n"
        "To call one, answer with nothing but its name and arguments, in this form:\n"
        f"{OPENING}<name>{MIDDLE}<arguments>{ENDING}"
    )
    text = f"{text}\n{must}" if must else text
    messages = cast("list[JsonObject]", body["messages"])
    if messages[0]["role"] in {"system", "developer"}:
        messages[0]["content"] = f"{messages[0]['content']}\n\n{text}"
    else:
        body["messages"] = cast("JsonValue", [{"role": "system", "content": text}, *messages])


def _functions(request: CompletionRequest) -> dict[int, FunctionDefinition]:
    for index, tool in enumerate(request.tools):
        if tool.type != "function":
            problem = f"tools[{index}].type: the embedded model has functions only, got {tool.type!r}"
            raise ApiError(Kind.UNSUPPORTED, problem, param=f"tools[{index}].type")
    return {index: tool.function for index, tool in enumerate(request.tools)}


def _call_rule(function: FunctionDefinition) -> str:
    head = json.dumps(f"{OPENING}{json.dumps(function.name)}{MIDDLE}")
    return f"{head} {json_rule(_arguments(function), strict=function.strict)} {json.dumps(ENDING)}"


def _arguments(function: FunctionDefinition) -> str:
    """The schema of the arguments: an object of nothing but what its author names, unless told otherwise."""
    schema: JsonObject = parse_object(function.parameters) if function.parameters else {}
    if "type" in schema or not schema:
        schema = {"type": "object", "additionalProperties": False, **schema}
    return dumps(schema).decode()


def _signature(function: FunctionDefinition) -> JsonObject:
    signature: JsonObject = {"name": function.name}
    if function.description:
        signature["description"] = function.description
    signature["parameters"] = parse_object(function.parameters) if function.parameters else {}
    return {"type": "function", "function": signature}
