"""The table: every dialect × every scenario."""

import dataclasses
import importlib
import pkgutil
from typing import Any, cast

import pytest
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

import tests.conformance as package
from service.backends.run import expanded
from service.backends.vendors import DIALECTS
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.conformance.scenario import (
    ANSWERS,
    FAILURES,
    LONG,
    PARIS,
    REASONING,
    REFUSALS,
    ROME,
    TEXT,
    Answer,
    Dialogue,
    Refusal,
    Skip,
)


def _dialogues() -> dict[str, Dialogue]:
    """Every Dialogue of this package's modules, by name."""
    found: dict[str, Dialogue] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("test_"):
            for name, value in vars(importlib.import_module(f"{package.__name__}.{module.name}")).items():
                if isinstance(value, Dialogue):
                    found[name.lower()] = value
    return found


DIALOGUES = _dialogues()
REQUEST = CompletionRequest(model="v/m", messages=[Message(role="user", content=[ContentPart(text="hi")])])


def decoded(dialogue: Dialogue, answer: Answer, pieces: list[bytes], *, learns: bool = True) -> list[CompletionChunk]:
    target = dataclasses.replace(dialogue.target, analogy=learns)
    decode = target.dialect.decoder(REQUEST, target, stream=answer.stream, content_type=answer.content_type)
    chunks: list[CompletionChunk] = []
    try:
        for piece in pieces:
            chunks += expanded(decode.feed(piece))
            if decode.done:
                break
        while batch := decode.close():
            chunks += expanded(batch)
    except ApiError as error:
        error.chunks = chunks  # type: ignore[attr-defined]
        raise
    return chunks


def folded(chunks: list[CompletionChunk]) -> Completion:
    normalizer, fold = Normalizer("v/m"), Fold()
    fold.batch(normalizer.batch([_copy(chunk) for chunk in chunks]))
    if last := normalizer.last():
        fold.add(last)
    return fold.result()


def _copy(chunk: CompletionChunk) -> CompletionChunk:
    copy = CompletionChunk()
    copy.CopyFrom(chunk)
    return copy


def whole(dialogue: Dialogue, name: str) -> Completion:
    answer = getattr(dialogue, name)
    if isinstance(answer, Skip):
        assert "http" in answer.reason, "a reason names the vendor's document"
        pytest.skip(answer.reason)
    return folded(decoded(dialogue, answer, [answer.body]))


def text_of(completion: Completion) -> str:
    (choice,) = completion.choices
    return "".join(part.text for part in choice.message.content)


def usage_of(completion: Completion) -> tuple[int, int, int]:
    usage = completion.usage
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens


dialogues = pytest.mark.parametrize("dialogue", DIALOGUES.values(), ids=DIALOGUES)


def test_every_dialect_is_here() -> None:
    spoken = {type(dialogue.target.dialect) for dialogue in DIALOGUES.values()}
    assert {type(dialect) for dialect in DIALECTS.values()} <= spoken


@dialogues
@pytest.mark.parametrize("name", ["text", "text_unary", "future_event"])
def test_text(dialogue: Dialogue, name: str) -> None:
    completion = whole(dialogue, name)
    assert text_of(completion) == TEXT
    assert completion.choices[0].message.role == "assistant"
    assert completion.choices[0].finish_reason == "stop"
    assert usage_of(completion) == (12, 7, 19)
    assert completion.id


@dialogues
@pytest.mark.parametrize("name", ["tools", "tools_unary"])
def test_two_parallel_calls(dialogue: Dialogue, name: str) -> None:
    completion = whole(dialogue, name)
    (choice,) = completion.choices
    calls = choice.message.tool_calls
    assert [(call.type, call.function.name) for call in calls] == [("function", "get_weather")] * 2
    assert [call.function.arguments.replace(" ", "") for call in calls] == [PARIS, ROME]
    assert len({call.id for call in calls}) == 2
    assert all(call.id for call in calls)
    assert text_of(completion) == ""
    assert choice.finish_reason == "tool_calls"
    assert usage_of(completion) == (30, 20, 50)


@dialogues
@pytest.mark.parametrize("name", ["tools", "tools_unary", "text", "text_unary"])
def test_the_same_conversation_is_the_same_completion_whatever_the_vendor(dialogue: Dialogue, name: str) -> None:
    """Two parallel calls, and the final answer, streamed and not: all but what only the vendor can name is equal."""
    assert _essence(whole(dialogue, name)) == _essence(whole(DIALOGUES["openai"], name.removesuffix("_unary")))


def _essence(completion: Completion) -> Completion:
    essence = comparable(completion)
    essence.system_fingerprint = essence.service_tier = essence.extra_fields = ""
    for choice in essence.choices:
        choice.native_finish_reason = choice.extra_fields = choice.message.extra_fields = ""
        choice.ClearField("logprobs")
        for call in choice.message.tool_calls:
            call.extra_fields = ""
            call.function.arguments = call.function.arguments.replace(" ", "")
    for details in ("prompt_tokens_details", "completion_tokens_details"):
        essence.usage.ClearField(details)
    essence.usage.extra_fields = ""
    # Some vendors say that there is no text, and some say nothing of it.
    for choice in essence.choices:
        if not any(part.text for part in choice.message.content):
            del choice.message.content[:]
        choice.message.ClearField("refusal")
        # Cohere's recordings have the plan that it makes before it calls.
        choice.message.ClearField("reasoning_content")
    return essence


@dialogues
def test_a_call_after_text_has_index_0(dialogue: Dialogue) -> None:
    completion = whole(dialogue, "text_then_tool")
    assert text_of(completion) == TEXT
    assert completion.choices[0].finish_reason == "tool_calls"
    chunks = decoded(dialogue, dialogue.text_then_tool, [dialogue.text_then_tool.body])
    indices = {c.index for chunk in chunks for choice in chunk.choices for c in choice.delta.tool_calls}
    assert indices == {0}


@dialogues
def test_reasoning_stands_apart(dialogue: Dialogue) -> None:
    completion = whole(dialogue, "reasoning")
    assert completion.choices[0].message.reasoning_content == REASONING
    assert text_of(completion) == TEXT


@dialogues
@pytest.mark.parametrize(("name", "reason"), [("finish_length", "length"), ("finish_filter", "content_filter")])
def test_finish_reasons(dialogue: Dialogue, name: str, reason: str) -> None:
    completion = whole(dialogue, name)
    assert completion.choices[0].finish_reason == reason
    assert text_of(completion) == LONG


@dialogues
def test_a_finish_reason_of_the_future_is_no_stop(dialogue: Dialogue) -> None:
    try:
        completion = whole(dialogue, "future_finish")
    except ApiError as error:
        assert error.kind is Kind.BAD_UPSTREAM
        return
    assert completion.choices[0].finish_reason not in {"", "stop", "length", "tool_calls"}


@dialogues
def test_usage_counts_cached_and_reasoning_tokens(dialogue: Dialogue) -> None:
    completion = whole(dialogue, "usage_details")
    assert usage_of(completion) == (10, 9, 19)
    assert completion.usage.prompt_tokens_details.cached_tokens == 4
    if completion.usage.HasField("completion_tokens_details"):
        assert completion.usage.completion_tokens_details.reasoning_tokens in {0, 5}


@dialogues
@pytest.mark.parametrize("name", FAILURES)
def test_an_answer_that_fails_is_an_error_after_what_came_before(dialogue: Dialogue, name: str) -> None:
    answer: Answer = getattr(dialogue, name)
    with pytest.raises(ApiError) as caught:
        decoded(dialogue, answer, [answer.body])
    assert caught.value.kind in FAILURES[name]
    chunks = cast("list[CompletionChunk]", getattr(caught.value, "chunks"))  # noqa: B009
    assert folded(chunks).choices, "what came before is given out first"


@dialogues
@pytest.mark.parametrize("name", ANSWERS)
def test_it_is_the_same_wherever_the_bytes_are_cut(dialogue: Dialogue, name: str) -> None:
    answer: Answer | Skip = getattr(dialogue, name)
    if isinstance(answer, Skip):
        pytest.skip(answer.reason)

    def outcome(pieces: list[bytes]) -> Any:
        try:
            return comparable(folded(decoded(dialogue, answer, pieces)))
        except ApiError as error:
            return error.kind, error.message, comparable(folded(error.chunks))  # type: ignore[attr-defined]

    body = answer.body
    expected = outcome([body])
    for at in range(1, len(body)):
        assert outcome([body[:at], body[at:]]) == expected, f"cut at {at}"
    assert outcome([body[at : at + 1] for at in range(len(body))]) == expected


@dialogues
@pytest.mark.parametrize("name", ANSWERS)
def test_it_is_the_same_whether_texts_are_read_by_analogy_or_decoded(dialogue: Dialogue, name: str) -> None:
    answer: Answer | Skip = getattr(dialogue, name)
    if isinstance(answer, Skip) or not answer.stream:
        pytest.skip("only streams are read by analogy")

    def outcome(pieces: list[bytes], *, learns: bool) -> Any:
        try:
            return decoded(dialogue, answer, pieces, learns=learns)
        except ApiError as error:
            return error.kind, error.message, error.chunks  # type: ignore[attr-defined]

    body = answer.body
    for at in range(0, len(body), 7):
        pieces = [piece for piece in (body[:at], body[at:]) if piece]
        assert outcome(pieces, learns=True) == outcome(pieces, learns=False), f"cut at {at}"


def comparable(completion: Completion) -> Completion:
    """Without what is made anew for each answer where the vendor gives none."""
    completion.ClearField("id")
    completion.ClearField("created")
    for choice in completion.choices:
        for call in choice.message.tool_calls:
            call.id = ""
    return completion


@dialogues
@pytest.mark.parametrize("name", ["text", "tools", "text_then_tool"])
def test_a_stream_that_is_cut_anywhere_is_an_error(dialogue: Dialogue, name: str) -> None:
    answer: Answer = getattr(dialogue, name)
    end = len(answer.body.rstrip())
    for at in range(0, end - 1, max(1, end // 300)):
        try:
            decoded(dialogue, answer, [answer.body[:at]])
        except ApiError as error:
            assert error.kind in {Kind.STREAM_CUT, Kind.BAD_UPSTREAM}
        else:
            # Nothing is lost where only what follows the vendor's end mark is missing.
            assert folded(decoded(dialogue, answer, [answer.body[:at]])) is not None
            assert comparable(folded(decoded(dialogue, answer, [answer.body[:at]]))) == comparable(
                folded(decoded(dialogue, answer, [answer.body]))
            )


@dialogues
@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(dialogue: Dialogue, name: str) -> None:
    refusal: Refusal | Skip = getattr(dialogue, name)
    if isinstance(refusal, Skip):
        pytest.skip(refusal.reason)
    error = dialogue.target.dialect.error(dialogue.target, refusal.status, refusal.headers or {}, refusal.body)
    assert error.kind in REFUSALS[name]
    assert "sk-planted" not in error.message
    assert "<html" not in error.message
    assert error.upstream is not None
    assert error.upstream.status == refusal.status
    if name == "rate_limited":
        assert error.retry_after == 7


@dialogues
def test_no_credential_is_in_a_request_or_a_repr(dialogue: Dialogue) -> None:
    call = dialogue.target.dialect.encode(REQUEST, dialogue.target, stream=True)
    assert "sk-planted" not in repr(call) + repr(dialogue.target) + str(call.headers) + call.body.decode() + call.path
