import dataclasses
from typing import Any

import pytest
from google.protobuf import json_format
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.auth import Caller
from service.backends.dialect import Target
from service.backends.fields import KNOBS, NAMES, Emulated, Refused, Sent, missing
from service.backends.openai import OpenAiDialect
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.pipeline import RequestContext
from service.pipeline.fit import NEUTRAL, fit
from service.pipeline.prepare import prepare
from service.pipeline.report import Policy, Report

NOTHING = {name: Refused("it cannot") for name in NAMES}
TARGET = Target(
    vendor="v",
    deployment="",
    model="m",
    dialect=OpenAiDialect(fields=NOTHING),
    base_url="http://v",
    timeouts=Timeouts(),
)


def refusing(name: str) -> Target:
    """A vendor that honours everything but one field."""
    fields = {**dict.fromkeys(NAMES, Sent()), name: Refused("it cannot")}
    return dataclasses.replace(TARGET, dialect=OpenAiDialect(fields=fields))


def request(**fields: Any) -> CompletionRequest:
    return json_format.ParseDict({"model": "v/m", "messages": [{"role": "user", "content": [{"text": "hi"}]}], **fields},
                                 CompletionRequest())  # fmt: skip


SET: dict[str, dict[str, Any]] = {
    "stream_options": {"stream_options": {"include_usage": True}},
    "max_tokens": {"max_tokens": 5},
    "max_completion_tokens": {"max_completion_tokens": 5},
    "temperature": {"temperature": 0},
    "top_p": {"top_p": 0.5},
    "top_k": {"top_k": 5},
    "n": {"n": 2},
    "best_of": {"best_of": 2},
    "stop": {"stop": ["x"]},
    "include_stop_str_in_output": {"include_stop_str_in_output": True},
    "frequency_penalty": {"frequency_penalty": 1},
    "presence_penalty": {"presence_penalty": 1},
    "logit_bias": {"logit_bias": {"1": 2}},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"top_logprobs": 2},
    "seed": {"seed": 0},
    "suffix": {"suffix": "x"},
    "response_format": {"response_format": {"type": "json_object"}},
    "tools": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "tool_choice": {"tool_choice": {"mode": "required"}},
    "parallel_tool_calls": {
        "parallel_tool_calls": False,
        "tools": [{"type": "function", "function": {"name": "f"}}],
    },
    "functions": {"functions": [{"name": "f"}]},
    "function_call": {"function_call": {"mode": "auto"}},
    "chat_template": {"chat_template": "x"},
    "chat_template_kwargs": {"chat_template_kwargs": '{"a":1}'},
    "guided_json": {"guided_json": "{}"},
    "guided_regex": {"guided_regex": "x"},
    "guided_choice": {"guided_choice": ["x"]},
    "guided_grammar": {"guided_grammar": "x"},
    "guided_decoding_backend": {"guided_decoding_backend": "outlines"},
    "guided_whitespace_pattern": {"guided_whitespace_pattern": " "},
    "memory_strategy": {"memory_strategy": {"name": "last_k", "k": 1}},
    "modalities": {"modalities": ["audio"]},
    "audio": {"audio": {"voice": "ash", "format": "wav"}},
    "prediction": {"prediction": {"type": "content", "content": [{"text": "x"}]}},
    "reasoning_effort": {"reasoning_effort": "low"},
    "user": {"user": "u"},
    "metadata": {"metadata": {"a": "b"}},
    "store": {"store": True},
    "inference_timeout": {"inference_timeout": 1},
    "inference_extra_params": {"inference_extra_params": '{"a":1}'},
    "inference_extra_headers": {"inference_extra_headers": {"a": "b"}},
    "extra_fields": {"extra_fields": '{"a":1}'},
    "content.image_url": {"messages": [{"role": "user", "content": [{"image_url": {"url": "u"}}]}]},
    "content.image_data": {"messages": [{"role": "user", "content": [{"image_data": {"data": "u"}}]}]},
    "content.input_audio": {
        "messages": [{"role": "user", "content": [{"input_audio": {"data": "u", "format": "wav"}}]}]
    },
    "content.file": {"messages": [{"role": "user", "content": [{"file": {"file_id": "u"}}]}]},
    "content.other": {"messages": [{"role": "user", "content": [{"other": '{"type":"x"}'}]}]},
    "message.name": {"messages": [{"role": "user", "name": "ann", "content": [{"text": "x"}]}]},
    "message.audio": {"messages": [{"role": "assistant", "audio": {"id": "x"}}]},
    "message.reasoning_content": {"messages": [{"role": "assistant", "reasoning_content": "hm"}]},
    "cache_control": {
        "messages": [{"role": "user", "content": [{"text": "x"}], "cache_control": {"type": "ephemeral"}}]
    },
    "content.image_url.detail": {
        "messages": [{"role": "user", "content": [{"image_url": {"url": "u", "detail": "low"}}]}]
    },
    "response_format.json_schema.description": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": "{}", "description": "d"}}
    },
}
"""For each field a request that uses it."""

NEEDED: dict[str, dict[str, Any]] = {
    "top_logprobs": {"logprobs": True},
    "tool_choice": SET["tools"],
    "function_call": SET["functions"],
    "modalities": SET["audio"],
    "audio": SET["modalities"],
}
"""What some of them need besides, to be sound."""
MARKED = {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}


def test_every_field_has_a_request_here() -> None:
    assert set(SET) == set(NAMES)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_says_something_of_every_field(name: str) -> None:
    assert missing(DIALECTS[name].fields) == []
    for field, handling in DIALECTS[name].fields.items():
        match handling:
            case Sent():
                pass
            case Emulated():
                assert handling.by, field
            case Refused():
                assert handling.why, field


@pytest.mark.parametrize("name", DIALECTS)
def test_best_of_is_refused_where_there_are_no_log_probabilities(name: str) -> None:
    fields = DIALECTS[name].fields
    if isinstance(fields["logprobs"], Refused):
        assert isinstance(fields["best_of"], Refused)


@pytest.mark.parametrize("name", NAMES)
def test_by_default_a_feature_is_refused_and_a_knob_is_left_out_and_named(name: str) -> None:
    message, report = request(**SET[name]), Report()
    if name in KNOBS:
        fit(message, refusing(name), None, report)
        assert len(report.dropped) == 1
        assert report.dropped[0].endswith(name.rpartition(".")[2])
        assert dict(report.headers())["x-parley-dropped"] == report.dropped[0]
    else:
        with pytest.raises(ApiError) as caught:
            fit(message, refusing(name), None, report)
        assert caught.value.kind is Kind.UNSUPPORTED
        assert caught.value.param is not None
        assert caught.value.param.endswith(name.rpartition(".")[2])
        assert "v cannot honour it: it cannot" in caught.value.message


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", [Policy.WARN, Policy.DROP])
def test_what_is_left_out_is_gone_and_named_by_warn_only(name: str, policy: Policy) -> None:
    message, report = request(**SET[name]), Report()
    fit(message, refusing(name), policy, report)
    again = Report()
    fit(message, refusing(name), Policy.STRICT, again)
    assert bool(report.dropped) is (policy is Policy.WARN)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        *((name, {**NEEDED.get(name, {}), **SET[name]}) for name in NAMES),
        ("cache_control", {"tools": [MARKED]}),
        ("tools", SET["functions"]),
        ("tool_choice", {**SET["functions"], "function_call": {"name": "f"}}),
    ],
)
def test_preparing_a_request_finds_all_that_it_uses(name: str, fields: dict[str, Any]) -> None:
    message = request(**fields)
    uses = prepare(message, RequestContext("id", Caller("c"), "rest"), stream=False).uses
    assert name in uses
    if name in {"memory_strategy", "functions", "function_call"}:
        return  # Brought about already, so that nothing of it is left to refuse.
    report = Report()
    fit(message, refusing(name), Policy.WARN, report, uses)
    assert len(report.dropped) == 1


@pytest.mark.parametrize("name", NAMES)
def test_strict_refuses_knobs_too(name: str) -> None:
    with pytest.raises(ApiError):
        fit(request(**SET[name]), refusing(name), Policy.STRICT, Report())


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1},
        {"best_of": 1},
        {"n": 3, "best_of": 3},
        {"logprobs": False},
        {"top_logprobs": 0},
        {"top_k": -1},
        {"top_p": 1},
        {"frequency_penalty": 0, "presence_penalty": 0},
        {"include_stop_str_in_output": False},
        {"parallel_tool_calls": True},
        {"parallel_tool_calls": False},
        {"store": False},
        {"suffix": ""},
        {"response_format": {"type": "text"}},
        {"tool_choice": {"mode": "auto"}},
        {"tool_choice": {"mode": "none"}},
        {"modalities": ["text"]},
        {"chat_template_kwargs": "{}"},
    ],
    ids=str,
)
def test_what_asks_for_what_happens_anyway_is_never_a_loss(fields: dict[str, Any]) -> None:
    fields = {name: value for name, value in fields.items() if not (name == "n" and value > 1)}
    message = request(**fields)
    if "best_of" in fields and fields["best_of"] > 1:
        message.n = 3
        assert NEUTRAL["best_of"](message)
        return
    report = Report()
    fit(message, TARGET, Policy.STRICT, report)
    assert report.headers() == []
    assert message == request()


def test_an_images_detail_goes_with_its_image_and_auto_is_none() -> None:
    image = {"image_url": {"url": "u", "detail": "high"}}
    message, report = request(messages=[{"role": "user", "content": [{"text": "a"}, image]}]), Report()
    fit(message, TARGET, Policy.WARN, report)
    assert report.dropped == ["messages[0].content[1].image_url"]
    auto = request(messages=[{"role": "user", "content": [{"image_url": {"url": "u", "detail": "auto"}}]}])
    fit(auto, refusing("content.image_url.detail"), Policy.STRICT, Report())


def test_what_stands_in_a_part_is_left_out_there_though_a_later_part_is_left_out_too() -> None:
    marked = {"text": "a", "cache_control": {"type": "ephemeral"}}
    message, report = request(messages=[{"role": "user", "content": [marked, {"file": {"file_id": "f"}}]}]), Report()
    fit(message, TARGET, Policy.WARN, report)
    assert [part.text for part in message.messages[0].content] == ["a"]
    assert not message.messages[0].content[0].HasField("cache_control")


def test_a_part_that_is_left_out_leaves_the_others_in_order() -> None:
    parts = [{"text": "a"}, {"image_url": {"url": "u"}}, {"text": "b"}, {"file": {"file_id": "f"}}, {"text": "c"}]
    message, report = request(messages=[{"role": "user", "content": parts}]), Report()
    fit(message, TARGET, Policy.WARN, report)
    assert [part.text for part in message.messages[0].content] == ["a", "b", "c"]
    assert sorted(report.dropped) == ["messages[0].content[1].image_url", "messages[0].content[3].file"]
