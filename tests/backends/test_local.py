"""What the embedded model's dialect writes, and how it reads calls out of text, without an engine."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parley.chat.v1.completion_pb2 import ChunkChoice, CompletionChunk, CompletionRequest, Delta
from parley.chat.v1.message_pb2 import ContentPart, Message
from parley.chat.v1.tool_pb2 import FunctionCall, FunctionDefinition, NamedFunction, Tool, ToolCall, ToolChoice

from service.backends.dialect import Decoder, PromptDialect, Target
from service.backends.fields import missing
from service.backends.local import LocalDialect
from service.backends.local.calls import CallReader
from service.backends.local.fields import LOCAL
from service.backends.local.grammar import grammar, json_rule
from service.backends.local.tools import call_text
from service.backends.run import expanded
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold

TARGET = Target(
    vendor="local", deployment="", model="m", dialect=LocalDialect(), base_url="http://local/v1", timeouts=Timeouts()
)


def request(*messages: Message, **fields: Any) -> CompletionRequest:
    return CompletionRequest(messages=messages or [user("hi")], **fields)


def user(text: str) -> Message:
    return Message(role="user", content=[ContentPart(text=text)])


def body(message: CompletionRequest, target: Target = TARGET) -> dict[str, Any]:
    return json.loads(target.dialect.encode(message, target, stream=False).body)


def tool(name: str, **fields: Any) -> Tool:
    return Tool(type="function", function=FunctionDefinition(name=name, **fields))


def test_every_field_has_a_row() -> None:
    assert list(missing(LOCAL)) == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"seed": 5}, {"seed": 5}),
        ({"seed": -1}, {"seed": 2**32 - 2}),
        ({"seed": 2**32 - 1}, {"seed": 0}),
        ({"logprobs": True}, {"logprobs": True, "top_logprobs": 1}),
        ({"logprobs": True, "top_logprobs": 0}, {"logprobs": True, "top_logprobs": 1}),
        ({"logprobs": True, "top_logprobs": 4}, {"logprobs": True, "top_logprobs": 4}),
        ({"stop": ["a"], "include_stop_str_in_output": True}, {"stop": ["a"], "verbose": True}),
        ({"stop": ["a"], "include_stop_str_in_output": False}, {"stop": ["a"]}),
        ({"include_stop_str_in_output": True}, {}),
        (
            {"chat_template_kwargs": '{"add_generation_prompt":false,"x":1}'},
            {"chat_template_kwargs": {"add_generation_prompt": False, "x": 1}, "add_generation_prompt": False},
        ),
        ({"guided_grammar": 'root ::= "x"'}, {"grammar": 'root ::= "x"'}),
        ({"extra_fields": '{"min_p":0.5}'}, {"min_p": 0.5}),
    ],
)
def test_what_the_engine_wants_said_in_another_way(given: dict[str, Any], sent: dict[str, Any]) -> None:
    always = {"model", "messages", "stream", "stream_options", "return_progress"}
    written = body(request(**given))
    assert {name: value for name, value in written.items() if name not in always} == sent
    assert written["stream"] is True


def test_messages_are_roles_and_texts() -> None:
    call = ToolCall(id="1", type="function", function=FunctionCall(name="f", arguments='{"a": 1}'))
    conversation = [
        Message(role="developer", content=[ContentPart(text="be brief")]),
        Message(role="user", content=[ContentPart(text="a"), ContentPart(text="b")]),
        Message(role="assistant", content=[ContentPart(text="hm")], tool_calls=[call, call]),
        Message(role="tool", tool_call_id="1", content=[ContentPart(text="x")]),
        Message(role="tool", tool_call_id="1", content=[ContentPart(text="y")]),
        Message(role="assistant", refusal="no", extra_fields='{"prefix":true}'),
    ]
    one = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
    assert body(request(*conversation))["messages"] == [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": f"hm\n{one}\n{one}"},
        {"role": "user", "content": "<tool_response>\nx\n</tool_response>\n<tool_response>\ny\n</tool_response>"},
        {"role": "assistant", "content": "no", "prefix": True},
    ]


def test_tools_are_told_in_the_system_message_that_is_there() -> None:
    offered = {"tools": [tool("f", description="does it", parameters='{"type":"object"}')]}
    alone = body(request(**offered))["messages"]
    assert [message["role"] for message in alone] == ["system", "user"]
    signature = '{"type":"function","function":{"name":"f","description":"does it","parameters":{"type":"object"}}}'
    assert signature in alone[0]["content"]
    system = Message(role="system", content=[ContentPart(text="be brief")])
    beside = body(request(system, user("hi"), **offered))["messages"]
    assert len(beside) == 2
    assert beside[0]["content"].startswith("be brief\n\nYou may call functions")
    named = ToolChoice(type="function", function=NamedFunction(name="f"))
    assert body(request(**offered, tool_choice=named))["messages"][0]["content"].endswith('Call "f".')


@pytest.mark.parametrize("choice", ["", "auto", "none", "required"])
def test_the_engine_never_sees_tools_of_its_own(choice: str) -> None:
    written = body(request(tools=[tool("f")], tool_choice=ToolChoice(mode=choice), parallel_tool_calls=False))
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(written)
    assert ("grammar" in written) == (choice != "none")


def test_arguments_are_held_to_what_their_author_names_unless_told_otherwise() -> None:
    def schema(parameters: str) -> dict[str, Any]:
        text = body(request(tools=[tool("f", parameters=parameters)], tool_choice=ToolChoice(mode="required")))
        return json.loads(text["grammar"].partition("%json ")[2].rpartition('} "')[0] + "}")

    assert schema("")["additionalProperties"] is False
    assert schema('{"type":"object","properties":{}}')["additionalProperties"] is False
    assert schema('{"type":"object","additionalProperties":true}')["additionalProperties"] is True
    assert "additionalProperties" not in schema('{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}')


@pytest.mark.parametrize(
    ("rule", "problem"),
    [("/(?=a)/", "look-around"), ('"', "lexer error"), ("missing", "unknown name"), ('%json {"not":{}}', "not")],
)
def test_a_grammar_that_the_engine_cannot_follow_is_told_without_its_text(rule: str, problem: str) -> None:
    with pytest.raises(ApiError) as caught:
        grammar(rule, param="guided_regex")
    assert (caught.value.kind, caught.value.param) == (Kind.UNSUPPORTED, "guided_regex")
    assert problem in caught.value.message
    assert len(caught.value.message) < 400
    assert "\n" not in caught.value.message


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_no_choice_can_break_out_of_its_string(choices: list[str]) -> None:
    written = body(request(guided_choice=choices))["grammar"]
    assert written.count("\n") == 2


@given(st.text(alphabet="ab/\\\n[]", min_size=1, max_size=12))
def test_no_pattern_can_break_out_of_its_slashes(pattern: str) -> None:
    try:
        written = body(request(guided_regex=pattern))["grammar"]
    except ApiError as error:
        assert error.kind is Kind.UNSUPPORTED
    else:
        assert written.count("\n") == 2


@pytest.mark.parametrize(("schema", "rule"), [("true", "{"), ("{}", "{"), ("false", '{"enum":[],')])
def test_schemas_that_are_no_objects(schema: str, rule: str) -> None:
    assert json_rule(schema).startswith(f"%json {rule}")


def test_white_space_and_leniency_are_the_grammars_options() -> None:
    def options(*args: str, **fields: bool) -> dict[str, Any]:
        return json.loads(json_rule(*args, **fields).removeprefix("%json "))["x-guidance"]

    compact = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    assert options("{}") == compact
    assert options("{}", " ") == {"whitespace_pattern": " "}
    assert options("{}", strict=False) == {**compact, "lenient": True}
    assert options('{"x-guidance":{"whitespace_flexible":true}}') == {**compact, "whitespace_flexible": True}


def test_a_rendered_conversation_goes_to_the_completions_api() -> None:
    assert isinstance(TARGET.dialect, PromptDialect)
    dialect = TARGET.dialect.with_prompt("<p>")
    message = request(
        chat_template="{{ x }}",
        chat_template_kwargs='{"x":1}',
        max_completion_tokens=3,
        logprobs=True,
        tools=[tool("f")],
        seed=-1,
    )
    call = dialect.encode(message, TARGET, stream=True)
    written = json.loads(call.body)
    assert call.path == "/completions"
    assert written.pop("grammar").startswith("%llguidance")
    assert written == {
        "prompt": "<p>",
        "max_tokens": 3,
        "logprobs": 1,
        "seed": 2**32 - 2,
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }


def read(pieces: list[str], finish: str = "stop") -> Fold:
    reader, fold = CallReader(), Fold()
    chunks = [chunk(Delta(role="assistant")), *(chunk(Delta(content=piece)) for piece in pieces)]
    for one in (*chunks, chunk(Delta(), finish)):
        if reader.read(one):
            fold.add(one)
    return fold


def chunk(delta: Delta, finish: str = "") -> CompletionChunk:
    return CompletionChunk(id="chatcmpl-A", choices=[ChunkChoice(index=0, delta=delta, finish_reason=finish)])


JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='}<"\\/tool_call>\n a'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.dumps({"v": value}))


def cut(text: str, places: set[int]) -> list[str]:
    at = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(at)]


@given(st.lists(JSON_TEXT, min_size=1, max_size=3), st.sets(st.integers(min_value=0, max_value=500), max_size=12))
def test_calls_are_read_however_they_are_cut(calls: list[str], places: set[int]) -> None:
    text = "\n".join(call_text(f"f{index}", arguments) for index, arguments in enumerate(calls))
    [answer] = read(cut(text, places)).result().choices
    assert answer.finish_reason == "tool_calls"
    assert not answer.message.content
    assert [call.function.arguments for call in answer.message.tool_calls] == calls
    assert [call.id for call in answer.message.tool_calls] == [f"call_A_{index}" for index in range(len(calls))]
    assert [call.function.name for call in answer.message.tool_calls] == [f"f{index}" for index in range(len(calls))]


@given(
    st.text(alphabet='<tool_cal>\n{"name": ', max_size=30), st.sets(st.integers(min_value=0, max_value=40), max_size=6)
)
def test_text_stays_as_it_is_however_it_is_cut(text: str, places: set[int]) -> None:
    [answer] = read(cut(text, places)).result().choices
    assert "".join(part.text for part in answer.message.content) == text
    assert answer.finish_reason == "stop"


def test_what_looks_like_a_call_and_is_none_stays_text() -> None:
    text = '<tool_call>\n{"name": f, "arguments": {}}\n</tool_call>'
    [answer] = read([text]).result().choices
    assert answer.message.content[0].text == text


@given(st.integers(min_value=0, max_value=90))
def test_a_call_that_is_cut_off_keeps_what_there_was(length: int) -> None:
    arguments = '{"a": {"b": "c}"}, "d": [1, 2]}'
    whole = call_text("name", arguments)
    [answer] = read(cut(whole[:length], set(range(length))), "length").result().choices
    assert answer.finish_reason == "length"
    said = "".join(part.text for part in answer.message.content)
    start = whole.index(arguments)
    if length < start:
        assert said == whole[:length]
        assert not answer.message.tool_calls
    else:
        [call] = answer.message.tool_calls
        assert call.function.arguments == arguments[: length - start]


def test_the_stop_sequence_comes_back_and_the_report_stays_here() -> None:
    message = request(stop=["x"], include_stop_str_in_output=True)
    decode: Decoder = TARGET.dialect.decoder(message, TARGET, stream=True, content_type="text/event-stream")
    report = {"stopping_word": "x", "prompt": "hidden"}
    events: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": "a"}}], "__verbose": {"content": "a"}},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "__verbose": report, "timings": {"n": 1}},
    ]
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    chunks = expanded(decode.feed(data))
    assert [c.choices[0].delta.content for c in chunks] == ["a", "x"]
    assert [c.extra_fields for c in chunks] == ["", '{"timings":{"n":1}}']
    assert decode.done
