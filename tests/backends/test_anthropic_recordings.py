"""What other servers really answered in Anthropic's format."""

import pytest

from service.errors import ApiError, Kind
from tests.backends.anthropic_cases import Json
from tests.backends.anthropic_stage import TARGET, completion
from tests.conformance.scenario import Answer
from tests.vendor import recording
from tests.vendor.recordings import HERE

ANSWERS = {path.name for path in (HERE / "messages").iterdir()} - {"vllm-error-404.json", "vllm-broken.sse"}


def answer(name: str) -> Answer:
    streams = name.endswith(".sse")
    kind = "text/event-stream; charset=utf-8" if streams else "application/json"
    return Answer(recording(f"messages/{name}"), kind, stream=streams)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_is_read(name: str) -> None:
    whole = completion(answer(name))
    (choice,) = whole["choices"]
    message: Json = choice["message"]
    assert message.get("content") or message.get("tool_calls")
    assert choice["finish_reason"] in {"length", "stop", "tool_calls"}
    usage: Json = whole["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 30


def test_a_stop_sequence_is_named() -> None:
    (choice,) = completion(answer("vllm-stop.json"))["choices"]
    assert (choice["native_finish_reason"], choice["stop_sequence"]) == ("stop_sequence", " to")


def test_arguments_come_as_the_model_wrote_them() -> None:
    (call,) = completion(answer("vllm-tools.sse"))["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "get_weather", "arguments": '"Paris"'}


def test_errors() -> None:
    told = TARGET.dialect.error(TARGET, 404, {}, recording("messages/vllm-error-404.json"))
    assert (told.kind, "does not exist" in told.message) == (Kind.MODEL_NOT_FOUND, True)
    with pytest.raises(ApiError) as caught:
        completion(answer("vllm-broken.sse"))
    assert caught.value.kind is Kind.UPSTREAM_ERROR
