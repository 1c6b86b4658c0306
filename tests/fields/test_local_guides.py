"""What holds the embedded model's answers to a form, at temperatures at which it would never keep to one by itself."""

import json
import re
from typing import Any

import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests.end_to_end.calls import message
from tests.fields.ask import ask, choice, content, refusal, streamed
from tests.stack import LOCAL_MODEL, Parley

WILD: dict[str, Any] = {"temperature": 2, "top_p": 1, "min_p": 0, "max_tokens": 60}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "zebra": {"enum": ["red", 'bl"ue/\\']},
        "age": {"type": "integer", "minimum": 3, "maximum": 12},
        "code": {"type": "string", "pattern": "^[a-c]{2}-\\d$"},
        "more": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
    },
    "required": ["zebra", "age", "code", "more"],
    "additionalProperties": False,
}


def follows_schema(text: str) -> None:
    value = json.loads(text)
    # The order is the schema's.
    assert list(value) == ["zebra", "age", "code", "more"]
    assert value["zebra"] in SCHEMA["properties"]["zebra"]["enum"]
    assert 3 <= value["age"] <= 12
    assert re.fullmatch(r"[a-c]{2}-\d", value["code"])
    assert value["more"] in [[a] for a in (True, False)] + [[a, b] for a in (True, False) for b in (True, False)]


FORMS: dict[str, dict[str, Any]] = {
    "object": {"guided_json": SCHEMA},
    "text": {"guided_json": json.dumps(SCHEMA)},
    "format": {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}},
    "strict": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA, "strict": True}}
    },
}


@pytest.mark.parametrize("form", FORMS)
async def test_json_of_a_schema(parley: Parley, form: str) -> None:
    answer = await choice(parley, **WILD, seed=1, **FORMS[form])
    assert answer["finish_reason"] == "stop"
    follows_schema(answer["message"]["content"])
    if form == "object":
        follows_schema((await streamed(parley, **WILD, seed=2, **FORMS[form])).text)


async def test_any_json_object(parley: Parley) -> None:
    bias = {"92": -100}
    answer = await ask(
        parley, **{**WILD, "temperature": 1}, seed=4, response_format={"type": "json_object"}, logit_bias=bias
    )
    text = answer.json["choices"][0]["message"]["content"]
    assert text.startswith("{")
    if answer.json["choices"][0]["finish_reason"] == "stop":
        assert isinstance(json.loads(text), dict)


async def test_a_text_format_changes_nothing(parley: Parley) -> None:
    assert await content(parley, response_format={"type": "text"}) == await content(parley)


async def test_another_format_is_passed_on_and_the_engine_says_what_it_knows(parley: Parley) -> None:
    error = await refusal(parley, response_format={"type": "sonnet", "lines": 14})
    assert "sonnet" in error["message"]


@pytest.mark.parametrize("choices", [["red", "green"], ['say "no"', "back\\slash\nline"], ["日本/x", "é😀", "</s>"]])
async def test_a_choice(parley: Parley, choices: list[str]) -> None:
    answer = await ask(parley, **WILD, seed=2, guided_choice=choices)
    assert answer.json["choices"][0]["message"]["content"] in choices
    assert "x-parley-disobeyed" not in answer.headers


@pytest.mark.parametrize(
    "pattern",
    [r"\d{3}-[a-z]{2}", r"https://[a-z]{2,3}/\w\/v\d", "a|bc", "(?i)no{2}", "line\nbreak[0-9]", r"[^/\\]{4}", r"\\/x"],
)
async def test_a_pattern(parley: Parley, pattern: str) -> None:
    answer = await ask(parley, **WILD, seed=2, guided_regex=pattern)
    assert answer.status == 200, answer.body
    assert re.fullmatch(pattern, answer.json["choices"][0]["message"]["content"])
    assert answer.json["choices"][0]["finish_reason"] == "stop"


GRAMMARS = {
    "gbnf": 'root ::= "cat" (" and " ("dog" | "mouse")){2}',
    "lark": '%llguidance {}\nstart: "cat" (" and " animal){2}\nanimal: "dog" | "mouse"',
}


@pytest.mark.parametrize("notation", GRAMMARS)
async def test_a_grammar(parley: Parley, notation: str) -> None:
    text = await content(parley, **WILD, seed=2, guided_grammar=GRAMMARS[notation])
    assert re.fullmatch(r"cat( and (dog|mouse)){2}", text)


@pytest.mark.parametrize("pattern", ["\n", " {4}", "[ \t]?"])
async def test_white_space(parley: Parley, pattern: str) -> None:
    schema = {"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "maxItems": 3}
    text = await content(parley, **WILD, seed=2, guided_json=schema, guided_whitespace_pattern=pattern)
    tokens = (r"\[", "[12]", ",", "[12]", ",", "[12]", r"\]")
    assert re.fullmatch(f"(?:{pattern})*".join(tokens), text)
    compact = await content(parley, **WILD, seed=2, guided_json=schema)
    assert re.fullmatch(r"\[[12], [12], [12]\]", compact)


FAULTY: dict[str, dict[str, Any]] = {
    "guided_regex": {"guided_regex": "(?=look)around"},
    "guided_grammar": {"guided_grammar": '%llguidance {}\nstart: "'},
    "guided_json": {"guided_json": {"not": {"type": "string"}}},
    "guided_whitespace_pattern": {"guided_whitespace_pattern": " "},
    "response_format.json_schema.schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": {"not": {}}}}
    },
}


@pytest.mark.parametrize("param", FAULTY)
async def test_a_guide_that_the_engine_would_ignore_is_refused(parley: Parley, param: str) -> None:
    error = await refusal(parley, **FAULTY[param])
    assert error["param"] == param
    assert error["code"] == "unsupported_parameter"
    assert " | " not in error["message"]


async def test_a_faulty_gbnf_grammar_is_the_engines_to_refuse(parley: Parley) -> None:
    assert "grammar" in (await refusal(parley, guided_grammar='root ::= "'))["message"]


async def test_what_a_schema_says_beyond_the_engine_is_passed_over_unless_it_is_strict(parley: Parley) -> None:
    schema = {"type": "integer", "minimum": 1, "maximum": 2, "not": {"const": 3}}
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    assert await content(parley, **WILD, response_format=form) in {"1", "2"}


async def test_guides_stream_over_grpc(parley: Parley, channel: grpc.aio.Channel) -> None:
    request = message(LOCAL_MODEL, temperature=2, seed=2, max_tokens=60, guided_json=json.dumps(SCHEMA))
    call = ChatServiceStub(channel).StreamCompletion(request, metadata=parley.metadata)
    follows_schema("".join([c.delta.content async for chunk in call for c in chunk.choices]))
