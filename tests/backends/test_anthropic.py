"""Requests in Anthropic's form."""

import dataclasses
import json

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.anthropic import AnthropicDialect
from service.backends.anthropic.models import model_of
from service.backends.fields import Refused, missing
from service.config import Timeouts
from service.errors import ApiError, Kind
from tests.backends.anthropic_cases import CASES, HI, PNG, SCHEMA, TOOL, Case, Json, asks, call
from tests.backends.anthropic_stage import TARGET, VERTEX, encode, on, sent


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_request_goes_out_as_anthropic_knows_it(case: Case) -> None:
    got = encode(case.request, on(case.model))
    assert json.loads(got.body) == {"model": case.model, "max_tokens": 9, "messages": HI, **case.body} | (
        {"stream": True} if case.body.get("max_tokens", 9) > 10_000 else {}
    )
    assert got.path == "/messages"
    assert got.headers["anthropic-version"] == case.version
    assert got.headers["x-team"] == "a"


def test_json_texts_go_out_as_they_came() -> None:
    arguments = '{"b": 1.0, "a": 12345678901234567890123}'
    request = CompletionRequest(guided_json=SCHEMA, max_tokens=9)
    request.messages.add(role="user").content.add(text="hi")
    request.messages.add(role="assistant").tool_calls.add(id="c").function.arguments = arguments
    request.tools.add(type="function").function.parameters = SCHEMA
    body = TARGET.dialect.encode(request, TARGET, stream=False).body.decode()
    assert body.count(SCHEMA) == 2
    assert f'"input":{arguments}' in body


def test_json_objects_are_asked_for_in_words() -> None:
    body = sent({"response_format": {"type": "json_object"}, "messages": [{"role": "system", "content": "a"}, *HI]})
    assert [block["text"][:11] for block in body["system"]] == ["a", "Answer with"]
    schema = {
        "type": "json_schema",
        "json_schema": {"name": "n", "description": "a list", "schema": {"type": "object"}},
    }
    assert sent({"response_format": schema})["system"] == "The answer is: a list"


def test_every_field_is_spoken_for() -> None:
    assert not list(missing(AnthropicDialect().fields))


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        ("claude-opus-4-6", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1@20250805", True),
        ("claude-3-5-haiku-20241022", True),
        ("claude-opus-4-7", False),
        ("claude-sonnet-5", False),
        ("claude-haiku-5-5", False),
        ("claude-from-the-future-9", False),
        ("some-other-model", True),
    ],
)
def test_only_older_models_take_sampling_parameters(model: str, *, taken: bool) -> None:
    for name in ("temperature", "top_p", "top_k"):
        assert isinstance(on(model).fields[name], Refused) is not taken


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-v2@20241022", 8_192),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-sonnet-4@20250514", 64_000),
        ("claude-opus-4-5", 64_000),
        ("claude-haiku-4-5", 64_000),
        ("claude-opus-4-7", 128_000),
        ("claude-from-the-future-9", 128_000),
    ],
)
def test_a_limit_is_always_sent(model: str, limit: int) -> None:
    assert model_of(model).max_tokens == limit
    body = sent({"max_tokens": None}, on(model))
    assert body["max_tokens"] == limit


def test_long_answers_are_fetched_as_streams() -> None:
    assert "stream" not in sent({"max_tokens": 2_000})
    assert sent({"max_tokens": 3_000})["stream"] is True
    patient = dataclasses.replace(TARGET, timeouts=Timeouts(first_token=600))
    assert "stream" not in sent({"max_tokens": 20_000}, patient)
    assert sent({}, stream=True)["stream"] is True


def test_versions_are_what_the_configuration_says() -> None:
    old = dataclasses.replace(on("claude-sonnet-4-5"), version="2023-06-01")
    assert encode({}, old).headers["anthropic-version"] == "2023-06-01"
    new = dataclasses.replace(old, version="2026-10-21")
    with pytest.raises(ApiError) as caught:
        encode({"temperature": 0.5}, new)
    assert (caught.value.kind, caught.value.param) == (Kind.UNSUPPORTED, "temperature")


@pytest.mark.parametrize(
    ("fields", "kind", "param"),
    [
        ({"temperature": 1.5}, Kind.INVALID_VALUE, "temperature"),
        ({"reasoning_effort": "high", "max_tokens": 1024}, Kind.INVALID_VALUE, "reasoning_effort"),
        ({"reasoning_effort": "extreme"}, Kind.INVALID_VALUE, "reasoning_effort"),
        ({"messages": [{"role": "system", "content": "a"}]}, Kind.INVALID_VALUE, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, Kind.INVALID_VALUE, "messages"),
        (
            {"messages": [*HI, {"role": "assistant", "tool_calls": [call("c", "[1]")]}]},
            Kind.INVALID_VALUE,
            "messages[1].tool_calls[0].function.arguments",
        ),
        (
            {"messages": [*HI, {"role": "assistant", "content": "a", "thinking_blocks": "hm"}]},
            Kind.INVALID_VALUE,
            "messages[1].thinking_blocks",
        ),
        (
            asks({"type": "image_url", "image_url": {"url": PNG}}),
            Kind.INVALID_VALUE,
            "messages[0].content[0].image_url.url",
        ),
        (
            asks({"type": "image_url", "image_url": {"url": "data:image/png,abc"}}),
            Kind.INVALID_VALUE,
            "messages[0].content[0].image_url.url",
        ),
        (
            asks({"type": "file", "file": {"filename": "a.zip", "file_data": "data:application/zip;base64,AAAA"}}),
            Kind.UNSUPPORTED,
            "messages[0].content[0].file",
        ),
        (
            asks({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,/w=="}}),
            Kind.INVALID_VALUE,
            "messages[0].content[0].file.file_data",
        ),
        (
            {
                "messages": [
                    {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]},
                    *HI,
                ]
            },
            Kind.UNSUPPORTED,
            "messages[0].content[0]",
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "x": 1}}, Kind.UNSUPPORTED, "tool_choice"),
        ({"response_format": {"type": "grammar", "x": 1}}, Kind.UNSUPPORTED, "response_format"),
        ({"verbosity": "low"}, Kind.UNSUPPORTED, "verbosity"),
    ],
)
def test_what_has_no_form_is_refused(fields: Json, kind: Kind, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        encode(fields, on("claude-sonnet-4-5"))
    assert (caught.value.kind, caught.value.param) == (kind, param)


def test_a_model_that_always_thinks_cannot_be_kept_from_it() -> None:
    with pytest.raises(ApiError) as caught:
        encode({"reasoning_effort": "none"}, on("claude-fable-5-1"))
    assert caught.value.kind is Kind.UNSUPPORTED


def test_vertex_has_model_and_place_in_the_path_and_the_version_in_the_body() -> None:
    got = encode({}, on("claude-haiku-4-5@20251001", VERTEX), stream=True)
    place = "/projects/p/locations/us-east5/publishers/anthropic/models/claude-haiku-4-5@20251001"
    assert got.path == f"{place}:streamRawPredict"
    assert json.loads(got.body) == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 9,
        "messages": HI,
        "stream": True,
    }
    assert "anthropic-version" not in got.headers
    assert encode({"temperature": 0}, on("claude-haiku-4-5", VERTEX)).path.endswith("claude-haiku-4-5:rawPredict")
    based = dataclasses.replace(VERTEX, base_url="https://x/v1/projects/p/locations/us-east5")
    assert encode({}, based).path == "/publishers/anthropic/models/claude-opus-5:rawPredict"
