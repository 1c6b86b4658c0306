"""Tools on the embedded model, which was trained on none."""

import json
from typing import Any

import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.tool_pb2 import FunctionDefinition, NamedFunction, Tool, ToolChoice

from tests.end_to_end.calls import message
from tests.fields.ask import Json, arguments, ask, choice, content, deltas, finish, refusal, streamed
from tests.stack import LOCAL_MODEL, Parley

WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"enum": ["Paris", "Rome\n}<"]},
                "days": {"type": "integer", "minimum": 1, "maximum": 9},
            },
            "required": ["city", "days"],
        },
    },
}
TIME: Json = {"type": "function", "function": {"name": "get-time"}}
TOOLS = [WEATHER, TIME]
WILD: dict[str, Any] = {"temperature": 2, "top_p": 1, "min_p": 0, "max_tokens": 90}
ONE: dict[str, Any] = {**WILD, "tools": TOOLS, "parallel_tool_calls": False}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
OPENING_TOKEN = "44"
"""The token "<", with which a call begins."""


def is_call(call: Json, *, names: tuple[str, ...] = ("get_weather", "get-time")) -> None:
    assert (call["type"], call["function"]["name"] in names) == ("function", True)
    assert call["id"].startswith("call_")
    given = arguments(call)
    if call["function"]["name"] == "get-time":
        assert given == {}
    else:
        assert list(given) == ["city", "days"]
        assert given["city"] in {"Paris", "Rome\n}<"}
        assert 1 <= given["days"] <= 9


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_required(parley: Parley, seed: int) -> None:
    answer = await choice(parley, **ONE, seed=seed, tool_choice="required")
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] is None
    [call] = answer["message"]["tool_calls"]
    is_call(call)


async def test_named(parley: Parley) -> None:
    answer = await choice(parley, **{**ONE, "parallel_tool_calls": True}, seed=4, tool_choice=NAMED)
    [call] = answer["message"]["tool_calls"]
    is_call(call, names=("get_weather",))
    assert answer["finish_reason"] == "tool_calls"


async def test_streamed_calls_come_in_fragments(parley: Parley) -> None:
    events = await streamed(parley, **ONE, seed=4, tool_choice=NAMED)
    whole = await choice(parley, **ONE, seed=4, tool_choice=NAMED)
    fragments = [call for delta in deltas(events) for call in delta.get("tool_calls", ())]
    assert finish(events) == "tool_calls"
    assert deltas(events)[0]["role"] == "assistant"
    assert not any(delta.get("content") for delta in deltas(events))
    assert {fragment["index"] for fragment in fragments} == {0}
    assert [bool(fragment.get("id")) for fragment in fragments] == [True] + [False] * (len(fragments) - 1)
    assert len(fragments) > 3
    text = "".join(fragment["function"].get("arguments", "") for fragment in fragments)
    assert text == whole["message"]["tool_calls"][0]["function"]["arguments"]
    assert events.chunks[-1]["usage"]["completion_tokens"] > 10


async def test_several_calls_at_once(parley: Parley) -> None:
    # The engine may not end the answer itself, so that it goes on to the most calls that there can be.
    fields = {**WILD, "tools": [TIME], "tool_choice": "required", "ignore_eos": True, "max_tokens": 80}
    calls = (await choice(parley, **fields, seed=1))["message"]["tool_calls"]
    assert len(calls) > 2
    assert len({call["id"] for call in calls}) == len(calls)
    for call in calls[:-1]:
        is_call(call, names=("get-time",))


async def test_none_hides_the_tools(parley: Parley) -> None:
    plain = await ask(parley)
    hidden = await ask(parley, tools=TOOLS, tool_choice="none")
    offered = await ask(parley, tools=TOOLS)
    assert hidden.json["choices"][0]["message"]["content"] == plain.json["choices"][0]["message"]["content"]
    assert hidden.json["usage"]["prompt_tokens"] == plain.json["usage"]["prompt_tokens"]
    assert offered.json["usage"]["prompt_tokens"] > plain.json["usage"]["prompt_tokens"] + 50


async def test_auto_leaves_the_choice_to_the_model(parley: Parley) -> None:
    # What is made likely is the first character of a call, or not. Free text, too, may begin with it.
    calls = await choice(parley, **ONE, seed=1, logit_bias={OPENING_TOKEN: 100}, guided_choice=["no"])
    assert calls["finish_reason"] == "tool_calls"
    is_call(calls["message"]["tool_calls"][0])
    says = await choice(parley, **{**ONE, "max_tokens": 8}, seed=1, logit_bias={OPENING_TOKEN: -100})
    assert says["message"]["content"]
    assert "tool_calls" not in says["message"]
    events = await streamed(parley, **{**ONE, "max_tokens": 8}, seed=1, logit_bias={OPENING_TOKEN: -100})
    assert events.text == says["message"]["content"]


async def test_text_keeps_to_its_format_where_a_call_was_not_chosen(parley: Parley) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    text = await content(parley, **ONE, seed=1, response_format=form, logit_bias={OPENING_TOKEN: -100})
    assert json.loads(text) == {"a": 1}


async def test_a_call_that_was_cut_is_told_as_cut(parley: Parley) -> None:
    answer = await choice(parley, **{**ONE, "max_tokens": 20}, seed=4, tool_choice=NAMED)
    assert answer["finish_reason"] == "length"
    [call] = answer["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"


async def test_earlier_calls_and_their_results_reach_the_model(parley: Parley) -> None:
    def messages(result: str) -> list[Json]:
        call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
        return [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": result},
        ]

    short, long = [await ask(parley, messages=messages(text), max_tokens=1) for text in ("sunny", "sunny " * 20)]
    bare = [{"role": "user", "content": "Weather?"}, {"role": "user", "content": "sunny"}]
    without = await ask(parley, messages=bare, max_tokens=1)
    assert long.json["usage"]["prompt_tokens"] >= short.json["usage"]["prompt_tokens"] + 15
    assert short.json["usage"]["prompt_tokens"] > without.json["usage"]["prompt_tokens"] + 15


async def test_functions_of_the_old_form_go_in_and_come_out(parley: Parley) -> None:
    fields = {**WILD, "functions": [WEATHER["function"]], "function_call": {"name": "get_weather"}}
    answer = await choice(parley, **fields, seed=4)
    assert answer["finish_reason"] == "function_call"
    called = answer["message"]["function_call"]
    assert called["name"] == "get_weather"
    assert 1 <= json.loads(called["arguments"])["days"] <= 9
    history = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "function_call": called},
        {"role": "function", "name": "get_weather", "content": "sunny"},
    ]
    assert (await ask(parley, messages=history, max_tokens=1)).status == 200


async def test_what_cannot_be_done_with_tools_is_refused(parley: Parley) -> None:
    both = await refusal(parley, tools=TOOLS, guided_grammar='root ::= "x"')
    assert both["param"] == "guided_grammar"
    kind = await refusal(parley, tools=[{"type": "web_search"}])
    assert kind["param"] == "tools[0].type"
    strict: Json = {"name": "f", "strict": True, "parameters": {"type": "object", "not": {}}}
    assert (await refusal(parley, tools=[{"type": "function", "function": strict}]))["param"] == "tools"


async def test_calls_over_grpc(parley: Parley, channel: grpc.aio.Channel) -> None:
    function = FunctionDefinition(name="get_weather", parameters=json.dumps(WEATHER["function"]["parameters"]))
    request = message(
        LOCAL_MODEL,
        temperature=2,
        max_tokens=90,
        tools=[Tool(type="function", function=function)],
        tool_choice=ToolChoice(type="function", function=NamedFunction(name="get_weather")),
    )
    answer = await ChatServiceStub(channel).CreateCompletion(request, metadata=parley.metadata)
    [call] = answer.choices[0].message.tool_calls
    assert 1 <= json.loads(call.function.arguments)["days"] <= 9
    assert answer.choices[0].finish_reason == "tool_calls"
