"""Tools: calls that a model may make, must make, and that its parser finds in what it writes."""

import json
from typing import Any

import grpc.aio
import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message
from parley.chat.v1.tool_pb2 import FunctionDefinition, NamedFunction, Tool, ToolChoice

from tests.end_to_end.calls import RestAnswer, stub
from tests.stack import Parley
from tests.vllm.conftest import Note
from tests.vllm.talk import NAME, Vllm, answer, ask, shown

SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "Get weather", "parameters": SCHEMA}
TOOLS = [{"type": "function", "function": FUNCTION}]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
MUST = {"required": ("required", "tool_calls"), "named": (NAMED, "stop")}
WRITTEN = r'<tool_call>\n\{"name": "get_weather", "arguments": \{"city": "[A-Z][a-z]{2,8}"\}\}\n</tool_call>'
"""How a model trained for tools writes a call for vLLM's parser `hermes`; this one has to be made to."""


def calls_of(came: RestAnswer, *, stream: bool) -> tuple[list[dict[str, str]], str]:
    """The calls, and how the answer ended."""
    assert came.status == 200, came.body
    assert "x-parley-disobeyed" not in came.headers
    if not stream:
        choice = came.json["choices"][0]
        return [call["function"] for call in choice["message"].get("tool_calls", ())], choice["finish_reason"]
    calls: dict[int, dict[str, str]] = {}
    end = ""
    for chunk in came.chunks:
        for choice in chunk["choices"]:
            end = choice["finish_reason"] or end
            for piece in choice["delta"].get("tool_calls", ()):
                call = calls.setdefault(piece["index"], {"name": "", "arguments": ""})
                for name in call:
                    call[name] += piece["function"].get(name) or ""
    return [calls[index] for index in sorted(calls)], end


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", MUST)
async def test_a_call_that_must_be_made_has_arguments_of_its_schema(
    parley: Parley, note: Note, how: str, stream: bool
) -> None:
    choice, ending = MUST[how]
    came = await ask(parley, tools=TOOLS, tool_choice=choice, stream=stream, max_tokens=70)
    (call, *others), end = calls_of(came, stream=stream)
    assert not others
    assert call["name"] == "get_weather"
    arguments = json.loads(call["arguments"])
    assert isinstance(arguments["city"], str)
    assert end == ending
    note("tool_choice", f"{how}{', streamed' if stream else ''}", f"{shown(arguments)}, finish_reason `{end}`")


@pytest.mark.parametrize("how", MUST)
async def test_vllm_alone_leaves_the_arguments_free(vllm: Vllm, how: str) -> None:
    _, came = await vllm.ask(tools=TOOLS, tool_choice=MUST[how][0], max_tokens=70)
    (call,) = came["choices"][0]["message"]["tool_calls"]
    assert not isinstance(json.loads(call["function"]["arguments"]), dict), "then strict is not needed any more"


async def test_a_caller_may_leave_them_free(parley: Parley, note: Note) -> None:
    free = [{"type": "function", "function": {**FUNCTION, "strict": False}}]
    (call,), _ = calls_of(await ask(parley, tools=free, tool_choice="required", max_tokens=70), stream=False)
    assert not isinstance(json.loads(call["arguments"]), dict)
    note("tools", "`strict: false`, required", f"arguments {shown(call['arguments'])}")


@pytest.mark.parametrize("how", MUST)
async def test_a_function_without_parameters_is_called_with_none(parley: Parley, how: str) -> None:
    bare = [{"type": "function", "function": {"name": "get_weather"}}]
    (call,), _ = calls_of(await ask(parley, tools=bare, tool_choice=MUST[how][0], max_tokens=70), stream=False)
    assert json.loads(call["arguments"]) == {}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_of_the_models_own_is_found(parley: Parley, note: Note, stream: bool) -> None:
    came = await ask(parley, tools=TOOLS, tool_choice="auto", structured_outputs={"regex": WRITTEN}, stream=stream,
                     max_tokens=70)  # fmt: skip
    (call, *others), end = calls_of(came, stream=stream)
    assert not others
    assert set(json.loads(call["arguments"])) == {"city"}
    assert end == "tool_calls"
    if not stream:
        note("tool_choice", "auto, and the model writes a call", f"{shown(call)}, finish_reason `{end}`")


async def test_no_call_comes_where_none_is_wanted(parley: Parley, note: Note) -> None:
    for choice in ("auto", "none"):
        came = await answer(parley, tools=TOOLS, tool_choice=choice)
        assert came["choices"][0]["message"]["content"]
        assert "tool_calls" not in came["choices"][0]["message"]
        note("tool_choice", f"{choice}, and the model writes text", "text")


async def test_parallel_calls_can_be_forbidden(parley: Parley, note: Note) -> None:
    came = await ask(parley, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, max_tokens=70)
    calls, _ = calls_of(came, stream=False)
    assert len(calls) == 1
    note("parallel_tool_calls", "false", "one call")


async def test_the_deprecated_form_is_answered_in_its_form(parley: Parley, note: Note) -> None:
    came = await ask(parley, functions=[FUNCTION], function_call={"name": "get_weather"}, max_tokens=70)
    message = came.json["choices"][0]["message"]
    assert "city" in json.loads(message["function_call"]["arguments"])
    assert "tool_calls" not in message
    note("functions, function_call", "by name", shown(message["function_call"]))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_named_call_comes_over_grpc(channel: grpc.aio.Channel, parley: Parley, stream: bool) -> None:
    function = FunctionDefinition(name="get_weather", parameters=json.dumps(SCHEMA))
    request = CompletionRequest(
        model=NAME,
        messages=[Message(role="user", content=[ContentPart(text="What is the weather in Paris?")])],
        tools=[Tool(type="function", function=function)],
        tool_choice=ToolChoice(type="function", function=NamedFunction(name="get_weather")),
        temperature=0,
        max_tokens=70,
    )
    pieces: list[Any] = []
    if stream:
        async for chunk in stub(channel).StreamCompletion(request, metadata=parley.metadata):
            pieces += [call for choice in chunk.choices for call in choice.delta.tool_calls]
    else:
        whole = await stub(channel).CreateCompletion(request, metadata=parley.metadata)
        pieces += whole.choices[0].message.tool_calls
    assert "".join(piece.function.name for piece in pieces) == "get_weather"
    assert "city" in json.loads("".join(piece.function.arguments for piece in pieces))
