import dataclasses
import json
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message
from parley.chat.v1.tool_pb2 import FunctionDefinition, NamedFunction, Tool, ToolChoice

from service.backends.dialect import Target, VersionNeededError
from service.backends.fields import Refused, missing
from service.backends.run import expanded
from service.backends.vendors import DIALECTS
from service.backends.vllm.rewrite import CONSTRAINTS
from service.config import Timeouts
from service.errors import ApiError, Kind
from tests.vendor import recording

VLLM = DIALECTS["vllm"]
TARGET = Target("vllm", "", "m", VLLM, "http://v:8000/v1", Timeouts(), version="0.32.0")
SCHEMA = '{"z":{"b":1,"a":2},"a":[{"y":1.5,"x":12345678901234567890}]}'
WEATHER = Tool(type="function", function=FunctionDefinition(name="weather", parameters='{"type":"object"}'))
GUIDES: dict[str, Any] = {
    "guided_json": SCHEMA,
    "guided_regex": "[0-9]+",
    "guided_choice": ["b", "a"],
    "guided_grammar": 'root ::= "yes"',
}


def request(**fields: Any) -> CompletionRequest:
    return CompletionRequest(model="v/m", messages=[Message(role="user", content=[ContentPart(text="hi")])], **fields)


def at(version: str, base_url: str = "http://v:8000/v1") -> Target:
    return dataclasses.replace(TARGET, version=version, base_url=base_url)


def sent(message: CompletionRequest, target: Target = TARGET) -> dict[str, Any]:
    return json.loads(VLLM.encode(message, target, stream=False).body)


def chunks(data: bytes) -> list[CompletionChunk]:
    return expanded(VLLM.decoder(request(), TARGET, stream=True, content_type="text/event-stream").feed(data))


def test_something_is_said_of_every_field() -> None:
    assert missing(VLLM.fields) == []


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("version", ["0.11", "0.11.2", "0.12.0rc1", "v0.32.0", "1.0", "0.100"])
def test_a_guide_is_a_structured_output_since_0_11(name: str, version: str) -> None:
    body = sent(request(**{name: GUIDES[name]}), at(version))
    value = json.loads(SCHEMA) if name == "guided_json" else GUIDES[name]
    assert body["structured_outputs"] == {CONSTRAINTS[name]: value}
    assert not [member for member in body if member.startswith("guided_")]


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("version", ["0.10.2", "0.9.0.1", "0.6"])
def test_a_guide_keeps_its_name_before(name: str, version: str) -> None:
    body = sent(request(**{name: GUIDES[name]}), at(version))
    assert body[name] == (json.loads(SCHEMA) if name == "guided_json" else GUIDES[name])
    assert "structured_outputs" not in body


@pytest.mark.parametrize("version", ["0.10", "0.32"])
def test_a_schema_keeps_the_order_of_its_keys(version: str) -> None:
    assert SCHEMA.encode() in VLLM.encode(request(guided_json=SCHEMA), at(version), stream=False).body


@pytest.mark.parametrize("version", ["", "dev", "nightly"])
def test_a_version_that_is_not_known_is_asked_for_where_a_guide_needs_it(version: str) -> None:
    assert sent(request(temperature=0), at(version))
    with pytest.raises(VersionNeededError) as caught:
        sent(request(guided_regex="a"), at(version))
    question = caught.value.question
    assert (question.field, question.url, question.setting) == (
        "guided_regex",
        "http://v:8000/version",
        "vllm_version",
    )
    with pytest.raises(VersionNeededError) as caught:
        sent(request(guided_regex="a"), at(version, "https://host/team/v1"))
    assert caught.value.question.url == "https://host/team/version"


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b'{"version": "0.32.0"}', "0.32.0"),
        (b'{"version":"0.11.1rc2.dev9+gabc"}', "0.11.1rc2.dev9+gabc"),
        (b'{"version":"dev"}', ""),
        (b'{"version":12}', ""),
        (b"{}", ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_a_version_is_read_where_it_can_be_compared(body: bytes, version: str) -> None:
    with pytest.raises(VersionNeededError) as caught:
        sent(request(guided_regex="a"), at(""))
    assert caught.value.question.read(body) == version


def test_what_a_caller_says_more_of_a_constraint_stays_with_it() -> None:
    more = '{"structured_outputs":{"disable_any_whitespace":true}}'
    body = sent(request(guided_json='{"type":"object"}', extra_fields=more))
    assert body["structured_outputs"] == {"disable_any_whitespace": True, "json": {"type": "object"}}


@pytest.mark.parametrize("said", ['{"regex":"a"}', "1"])
def test_a_constraint_that_is_said_twice_is_refused(said: str) -> None:
    with pytest.raises(ApiError) as caught:
        sent(request(guided_regex="b", extra_fields=f'{{"structured_outputs":{said}}}'))
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_VALUE, "guided_regex")


@pytest.mark.parametrize(
    "choice",
    [ToolChoice(mode="required"), ToolChoice(type="function", function=NamedFunction(name="weather"))],
    ids=["required", "named"],
)
def test_the_arguments_of_a_call_that_must_be_made_follow_their_schema(choice: ToolChoice) -> None:
    bare = Tool(type="function", function=FunctionDefinition(name="now"))
    free = Tool(type="function", function=FunctionDefinition(name="free", strict=False))
    functions = [t["function"] for t in sent(request(tools=[WEATHER, bare, free], tool_choice=choice))["tools"]]
    assert functions == [
        {"name": "weather", "parameters": {"type": "object"}, "strict": True},
        {"name": "now", "parameters": {"type": "object", "properties": {}}, "strict": True},
        {"name": "free", "strict": False},
    ]


@pytest.mark.parametrize("choice", [None, ToolChoice(mode="auto"), ToolChoice(mode="none")])
def test_tools_that_may_be_called_stay_as_they_are(choice: ToolChoice | None) -> None:
    (tool,) = sent(request(tools=[WEATHER], tool_choice=choice))["tools"]
    assert tool["function"] == {"name": "weather", "parameters": {"type": "object"}}


def test_the_engines_own_fields_are_sent_and_schemas_stay_where_they_were() -> None:
    body = sent(
        request(
            top_k=5,
            include_stop_str_in_output=True,
            chat_template="{{ a }}",
            chat_template_kwargs='{"a":1}',
            extra_fields='{"min_p":0.1}',
        )
    )
    wanted = {"top_k": 5, "include_stop_str_in_output": True, "chat_template": "{{ a }}", "min_p": 0.1}
    assert {**wanted, "chat_template_kwargs": {"a": 1}}.items() <= body.items()


@pytest.mark.parametrize("name", ["user", "metadata", "store", "prediction", "suffix", "modalities", "content.file"])
def test_what_vllm_ignores_is_not_said_to_be_honoured(name: str) -> None:
    assert isinstance(VLLM.fields[name], Refused)


def test_an_error_in_a_stream_is_an_error_although_done_follows() -> None:
    decode = VLLM.decoder(request(), TARGET, stream=True, content_type="text/event-stream")
    with pytest.raises(ApiError) as caught:
        decode.feed(recording("vllm-broken.sse"))
    assert caught.value.kind is Kind.REFUSED
    assert caught.value.param == "logit_bias"
    assert not decode.done


@pytest.mark.parametrize(
    ("name", "kind", "param", "words"),
    [
        ("vllm-error-400.json", Kind.REFUSED, "temperature", "valid number"),
        ("vllm-context-error-400.json", Kind.CONTEXT_LENGTH, "input_tokens", "4096 tokens"),
        ("vllm-grammar-error-400.json", Kind.REFUSED, None, "grammar"),
        ("vllm-error-401.json", Kind.UPSTREAM_AUTH, None, "credentials"),
        ("vllm-error-404.json", Kind.MODEL_NOT_FOUND, "model", "does not exist"),
    ],
)
def test_a_recorded_error_is_read(name: str, kind: Kind, param: str | None, words: str) -> None:
    status = int(name.rpartition("-")[2].removesuffix(".json"))
    error = VLLM.error(TARGET, status, {}, recording(name))
    assert (error.kind, error.param) == (kind, param)
    assert words in error.message


def test_a_named_call_ends_as_it_does_at_openai() -> None:
    answer = chunks(recording("vllm-named-tool-stream.sse"))
    assert [c.finish_reason for chunk in answer for c in chunk.choices if c.finish_reason] == ["stop"]
    assert [t.function.name for chunk in answer for c in chunk.choices for t in c.delta.tool_calls if t.id] == [
        "get_weather"
    ]


def finished(reason: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"%s"}]}\n\n' % reason.encode()


def test_an_end_of_vllms_own_is_said_in_openais_words() -> None:
    (choice,) = chunks(finished("repetition"))[0].choices
    assert (choice.finish_reason, choice.native_finish_reason) == ("length", "repetition")
    (choice,) = chunks(finished("length"))[0].choices
    assert (choice.finish_reason, choice.native_finish_reason) == ("length", "")


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_the_server_broke_off_is_no_answer(reason: str) -> None:
    whole = b'{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"%s"}]}' % reason.encode()
    unary = VLLM.decoder(request(), TARGET, stream=False, content_type="application/json")
    assert unary.feed(whole) == []
    for read in (lambda: chunks(finished(reason)), unary.close):
        with pytest.raises(ApiError) as caught:
            read()
        assert caught.value.kind is Kind.UPSTREAM_ERROR
        assert caught.value.upstream is not None
        assert caught.value.upstream.code == reason
