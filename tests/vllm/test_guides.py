"""Every guide holds at the highest temperature, and holds because Parley says it in the server's own words."""

import json
import re
from typing import Any

import grpc.aio
import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from tests.end_to_end.calls import stub
from tests.stack import Parley
from tests.vllm.conftest import Note
from tests.vllm.server import MODEL
from tests.vllm.talk import NAME, Vllm, answer, ask, shown, text

PHONE = "[0-9]{3}-[0-9]{4}"
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
GUIDES: dict[str, Any] = {
    "guided_json": {"enum": ["red", 7, None]},
    "guided_regex": PHONE,
    "guided_choice": ["positive", "negative"],
    "guided_grammar": 'root ::= "yes" | "no" | "never"',
}


def follows(name: str, said: str) -> bool:
    match name:
        case "guided_json":
            return json.loads(said) in GUIDES[name]["enum"]
        case "guided_regex":
            return re.fullmatch(PHONE, said) is not None
        case "guided_choice":
            return said in GUIDES[name]
        case _:
            return said in {"yes", "no", "never"}


@pytest.mark.parametrize("name", GUIDES)
async def test_a_guide_holds_at_temperature_2(parley: Parley, note: Note, name: str) -> None:
    said = [await text(parley, **{name: GUIDES[name]}, temperature=2, seed=seed, max_tokens=24) for seed in (1, 2, 3)]
    assert [follows(name, each) for each in said] == [True, True, True], said
    note(name, f"{shown(GUIDES[name])} at temperature 2", ", ".join(shown(each) for each in said))


@pytest.mark.parametrize("name", GUIDES)
async def test_without_the_guide_nothing_of_the_kind_comes(parley: Parley, name: str) -> None:
    said = await text(parley)
    assert name == "guided_json" or not follows(name, said)


@pytest.mark.parametrize("name", GUIDES)
async def test_vllm_ignores_the_name_that_the_caller_uses(vllm: Vllm, name: str) -> None:
    status, old = await vllm.ask(**{name: GUIDES[name]})
    _, none = await vllm.ask()
    assert status == 200
    assert old["choices"][0]["message"] == none["choices"][0]["message"]


async def test_a_guide_in_the_form_of_another_version_is_seen_to_be_disobeyed(parley: Parley, note: Note) -> None:
    came = await ask(parley, f"old/{MODEL}", guided_choice=["a b", "c d"], messages=[{"role": "user", "content": "hi"}],
                     max_tokens=60)  # fmt: skip
    assert came.status == 200
    choice = came.json["choices"][0]
    assert choice["message"]["content"] not in {"a b", "c d"}
    assert choice["finish_reason"] == "stop", "only an answer that ended of itself can be judged"
    assert came.headers["x-parley-disobeyed"] == "guided_choice"
    note("guided_choice", 'with a wrong `vllm_version: "0.10"`', "ignored by vLLM; `x-parley-disobeyed: guided_choice`")


async def test_a_guided_stream_obeys_too(parley: Parley) -> None:
    came = await ask(parley, guided_regex=PHONE, temperature=2, seed=4, stream=True, max_tokens=24)
    assert re.fullmatch(PHONE, came.text)
    assert "x-parley-disobeyed" not in came.headers


async def test_a_guide_holds_over_grpc(channel: grpc.aio.Channel, parley: Parley, note: Note) -> None:
    message = Message(role="user", content=[ContentPart(text="What is the weather in Paris?")])
    request = CompletionRequest(
        model=NAME, messages=[message], guided_choice=GUIDES["guided_choice"], temperature=2, seed=5, max_tokens=8
    )
    whole = await stub(channel).CreateCompletion(request, metadata=parley.metadata)
    assert whole.choices[0].message.content[0].text in GUIDES["guided_choice"]
    said = ""
    async for chunk in stub(channel).StreamCompletion(request, metadata=parley.metadata):
        said += "".join(choice.delta.content for choice in chunk.choices)
    assert said in GUIDES["guided_choice"]
    note("guided_choice", "the same over gRPC, whole and streamed", f"{shown(said)}")


@pytest.mark.parametrize("order", [["name", "age"], ["age", "name"]])
async def test_the_order_of_a_schemas_keys_reaches_the_model(parley: Parley, note: Note, order: list[str]) -> None:
    schema = {**PERSON, "properties": {name: PERSON["properties"][name] for name in order}}
    said = await text(parley, guided_json=schema, max_tokens=40)
    assert list(json.loads(said)) == order
    note("guided_json", f"an object with {shown(order)} in this order", shown(said))


async def test_a_schema_as_text_is_the_same(parley: Parley) -> None:
    as_text, as_object = [await text(parley, guided_json=form, max_tokens=40) for form in (json.dumps(PERSON), PERSON)]
    assert as_text == as_object


@pytest.mark.parametrize("name", ["guided_whitespace_pattern", "guided_decoding_backend"])
async def test_what_no_request_can_set_is_left_out_and_named(parley: Parley, note: Note, name: str) -> None:
    value = {"guided_whitespace_pattern": "[ ]?", "guided_decoding_backend": "outlines"}[name]
    fields: dict[str, Any] = {"guided_json": PERSON, name: value, "max_tokens": 40}
    came = await ask(parley, **fields)
    assert came.status == 200
    assert came.headers["x-parley-dropped"] == name
    strict = await ask(parley, **fields, headers={"x-parley-unsupported": "strict"})
    assert strict.status == 400
    assert strict.error["param"] == name
    note(name, shown(value), f"`x-parley-dropped: {name}`; 400 with `x-parley-unsupported: strict`")


async def test_vllm_does_nothing_with_a_whitespace_pattern(vllm: Vllm) -> None:
    answers = [
        await vllm.ask(structured_outputs={"json": PERSON, **more}, max_tokens=40)
        for more in ({}, {"whitespace_pattern": ""}, {"whitespace_pattern": "[ ]{3}"})
    ]
    assert len({each["choices"][0]["message"]["content"] for _, each in answers}) == 1


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ({"type": "json_schema", "json_schema": {"name": "c", "schema": {"enum": ["red", "blue"]}}}, '"(red|blue)"'),
        ({"type": "json_object"}, r"\s*\{.*"),
        ({"type": "structural_tag", "format": {"type": "const_string", "value": "hello"}}, "hello"),
        ({"type": "text"}, "Paris.*"),
    ],
    ids=["json_schema", "json_object", "structural_tag", "text"],
)
async def test_a_response_format_reaches_vllm(parley: Parley, note: Note, form: dict[str, Any], pattern: str) -> None:
    said = await text(parley, response_format=form)
    assert re.fullmatch(pattern, said, re.DOTALL), said
    note("response_format", shown(form), shown(said))


async def test_members_of_vllms_own_reach_it(parley: Parley, note: Note) -> None:
    assert await text(parley, structured_outputs={"choice": ["ja"]}) == "ja"
    assert await text(parley, inference_extra_params={"structured_outputs": {"choice": ["nein"]}}) == "nein"
    note("inference_extra_params, unknown members", shown({"structured_outputs": {"choice": ["ja"]}}), shown("ja"))
    both = await answer(parley, guided_choice=["ja"], return_token_ids=True)
    assert both["choices"][0]["token_ids"]
