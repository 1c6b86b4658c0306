"""What a family of models treats in another way than the vendor's others."""

import re
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.dialect import Target
from service.backends.fields import NAMES, Refused
from service.backends.vendors import DIALECTS
from service.codec import parse_object
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.pipeline.fit import fit
from service.pipeline.report import Policy, Report

SAMPLING = frozenset("temperature top_p frequency_penalty presence_penalty logit_bias logprobs top_logprobs".split())
FAMILIES = [(name, family) for name, dialect in DIALECTS.items() for family in dialect.families]


def target_of(dialect: str, model: str) -> Target:
    return Target(
        vendor=dialect, deployment="", model=model, dialect=DIALECTS[dialect], base_url="http://v", timeouts=Timeouts()
    )


def refused(dialect: str, model: str) -> frozenset[str]:
    """What is refused for this model, and not for the vendor's others."""
    target = target_of(dialect, model)
    return frozenset(
        name
        for name, handling in target.fields.items()
        if isinstance(handling, Refused) and not isinstance(target.dialect.fields[name], Refused)
    )


def request(**fields: Any) -> CompletionRequest:
    return CompletionRequest(messages=[Message(role="user", content=[ContentPart(text="hi")])], **fields)


@pytest.mark.parametrize(("name", "family"), FAMILIES, ids=lambda value: getattr(value, "models", value))
def test_a_family_is_data_with_its_source(name: str, family: Any) -> None:
    assert set(family.fields) <= set(NAMES)
    assert family.source.startswith("https://")
    assert re.compile(family.models)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o", frozenset[str]()),
        ("gpt-4.1-mini", frozenset[str]()),
        ("o1", SAMPLING),
        ("o1-2024-12-17", SAMPLING),
        ("o3-mini", SAMPLING),
        ("o3", SAMPLING | {"stop"}),
        ("o3-pro", SAMPLING | {"stop"}),
        ("o4-mini-2025-04-16", SAMPLING | {"stop"}),
        ("gpt-5", SAMPLING),
        ("gpt-5-nano-2025-08-07", SAMPLING),
        ("gpt-5-chat-latest", frozenset[str]()),
        ("gpt-5.1", frozenset[str]()),
    ],
)
@pytest.mark.parametrize("dialect", ["openai", "azure"])
def test_openais_models_that_reason_take_no_sampling_parameters(
    dialect: str, model: str, expected: frozenset[str]
) -> None:
    assert refused(dialect, model) == expected


@pytest.mark.parametrize(
    ("dialect", "model", "expected"),
    [
        ("xai", "grok-4-0709", {"frequency_penalty", "presence_penalty", "stop"}),
        ("xai", "grok-4.20-reasoning", {"frequency_penalty", "presence_penalty", "stop"}),
        ("xai", "grok-4-1-fast-non-reasoning", set[str]()),
        ("xai", "grok-3", set[str]()),
        ("deepseek", "deepseek-chat", set[str]()),
        ("deepseek", "deepseek-reasoner", {"temperature", "frequency_penalty", "presence_penalty"}),
    ],
)
def test_models_of_other_vendors(dialect: str, model: str, expected: set[str]) -> None:
    assert refused(dialect, model) == expected


@pytest.mark.parametrize(
    ("model", "name"),
    [("gpt-4o", "max_tokens"), ("gpt-5.2", "max_completion_tokens"), ("o3", "max_completion_tokens")],
)
def test_the_limit_has_the_name_that_the_model_knows(model: str, name: str) -> None:
    target = target_of("openai", model)
    body = parse_object(target.dialect.encode(request(max_tokens=5), target, stream=False).body)
    assert {key for key in body if key.startswith("max_")} == {name}
    both = parse_object(
        target.dialect.encode(request(max_tokens=5, max_completion_tokens=6), target, stream=False).body
    )
    assert both["max_completion_tokens"] == 6


def test_the_pipeline_heeds_the_model_and_not_only_the_vendor() -> None:
    report = Report()
    told = request(temperature=0.5, top_p=1)
    fit(told, target_of("openai", "gpt-5-mini"), None, report)
    assert report.dropped == ["temperature"]
    assert not told.HasField("temperature")
    assert not told.HasField("top_p")
    kept = request(temperature=0.5)
    fit(kept, target_of("openai", "gpt-4o"), None, Report())
    assert kept.temperature == 0.5
    with pytest.raises(ApiError) as caught:
        fit(request(stop=["x"]), target_of("openai", "o3"), None, Report())
    assert (caught.value.kind, caught.value.param) == (Kind.UNSUPPORTED, "stop")


def test_the_temperature_that_a_model_has_anyway_is_no_loss() -> None:
    told = request(temperature=1)
    report = Report()
    fit(told, target_of("openai", "o3"), Policy.STRICT, report)
    assert report.dropped == []
    assert not told.HasField("temperature")
