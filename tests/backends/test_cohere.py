import functools
import json
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk, CompletionRequest

from service.backends.dialect import Decoder
from service.backends.fields import missing
from service.backends.run import expanded
from service.codec import decoder as json_decoder
from service.codec import parse_object
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.backends.cohere_cases import CASES, HI, SCHEMA, TIME, WEATHER, Case
from tests.conformance.cohere import COHERE, END, START, event, stream, text, usage, whole
from tests.conformance.scenario import ANSWERS, REFUSALS, TEXT, Answer, Refusal
from tests.sdk.judge import answer_case, judged

Json = dict[str, Any]
TARGET = COHERE.target
decode_request = json_decoder(CompletionRequest)


def request(**members: Any) -> CompletionRequest:
    return decode_request(parse_object(json.dumps({"model": "cohere/m", "messages": [HI], **members})))


def sent(message: CompletionRequest, *, streams: bool = False) -> Json:
    return json.loads(TARGET.dialect.encode(message, TARGET, stream=streams).body)


def expected(case: Case, *, streams: bool) -> Json:
    return {"model": TARGET.model, "messages": [HI], **case.body, "stream": streams}


def read(answer: Answer) -> tuple[list[CompletionChunk], Completion]:
    decode: Decoder = TARGET.dialect.decoder(request(), TARGET, stream=answer.stream, content_type=answer.content_type)
    chunks = expanded(decode.feed(answer.body))
    while batch := decode.close():
        chunks += expanded(batch)
    normalizer, fold = Normalizer("cohere/m"), Fold()
    fold.batch(normalizer.batch(chunks))
    if last := normalizer.last():
        fold.add(last)
    return chunks, fold.result()


CITED_TEXT: Json = {"start": 7, "end": 12, "text": TEXT[7:12], "content_index": 1, "type": "TEXT_CONTENT"}
PAGE: Json = {"type": "document", "id": "d1", "document": {"url": "https://x/a", "title": "A", "text": "t"}}
RESULT: Json = {"type": "tool", "id": "call_1:0", "tool_output": {"degrees": "18"}}
CITED = stream(
    START,
    *text("!!", index=0),
    *text(TEXT, index=1),
    event("citation-start", {"citations": {**CITED_TEXT, "sources": [PAGE]}}, index=0),
    event("citation-end", index=0),
    event("citation-start", {"citations": {**CITED_TEXT, "sources": [RESULT]}}, index=1),
    event("citation-end", index=1),
    END,
)
CITED_WHOLE = whole(
    {
        "content": [{"type": "text", "text": "!!"}, {"type": "text", "text": TEXT}],
        "citations": [{**CITED_TEXT, "sources": [PAGE]}, {**CITED_TEXT, "sources": [RESULT]}],
    },
    "COMPLETE",
    usage(12, 7),
)


def test_every_field_has_its_row() -> None:
    assert list(missing(TARGET.dialect.fields)) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("streams", [False, True])
def test_a_request_goes_out_in_coheres_form(case: Case, streams: bool) -> None:
    assert sent(request(**case.request), streams=streams) == expected(case, streams=streams)


def test_it_goes_to_chat_without_credentials() -> None:
    call = TARGET.dialect.encode(request(inference_extra_headers={"x-trace": "1"}), TARGET, stream=True)
    assert call.path == "/chat"
    assert call.headers == {"content-type": "application/json", "accept": "application/json", "x-trace": "1"}


def test_a_schema_keeps_the_order_of_its_keys() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": json.loads(SCHEMA)}}
    message = request(guided_json=json.loads(SCHEMA), tools=[tool])
    body = TARGET.dialect.encode(message, TARGET, stream=False).body
    assert body.count(SCHEMA.encode()) == 2


NO_FORM: list[tuple[Json, str]] = [
    ({"response_format": {"type": "grammar", "grammar": "x"}}, "response_format.type"),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type"),
    ({"tools": [WEATHER, TIME], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.type"),
    ({"min_p": 0.1}, "min_p"),
    (
        {"messages": [{"role": "user", "content": [{"type": "video", "video": {}}]}]},
        "messages[0].content[0].other",
    ),
    (
        {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]},
        "messages[0].content[0].image_url",
    ),
]


@pytest.mark.parametrize(("members", "path"), NO_FORM)
def test_what_cohere_has_no_form_for_is_refused_with_its_path(members: Json, path: str) -> None:
    with pytest.raises(ApiError) as caught:
        sent(request(**members))
    assert caught.value.kind is Kind.UNSUPPORTED
    assert caught.value.param == path


@pytest.mark.parametrize("answer", [CITED, CITED_WHOLE], ids=["streamed", "whole"])
def test_citations_are_annotations(answer: Answer) -> None:
    _, completion = read(answer)
    page, result = completion.choices[0].message.annotations
    assert (page.type, page.url_citation.url, page.url_citation.title) == ("url_citation", "https://x/a", "A")
    # The cited block begins after two characters of another.
    assert (page.url_citation.start_index, page.url_citation.end_index) == (9, 14)
    assert json.loads(page.extra_fields)["citation"]["sources"] == [PAGE]
    assert result.type == "citation"
    assert json.loads(result.extra_fields)["citation"]["sources"] == [RESULT]


def test_plans_are_reasoning() -> None:
    for answer in (COHERE.tools, COHERE.tools_unary):
        assert read(answer)[1].choices[0].message.reasoning_content == "I will look at both."


def test_log_probabilities_stand_by_tokens() -> None:
    item = {"text": "Hello", "token_ids": [5, 6], "logprobs": [-0.5, -0.25]}
    streamed = stream(START, event("content-delta", {"content": {"text": "Hello"}}, index=0, logprobs=item), END)
    body = json.loads(whole({"content": [{"type": "text", "text": "Hello"}]}, "COMPLETE", usage(12, 7)).body)
    unary = Answer(json.dumps({**body, "logprobs": [item]}).encode(), "application/json", stream=False)
    for answer in (streamed, unary):
        tokens = read(answer)[1].choices[0].logprobs.content
        assert [(token.token, token.logprob) for token in tokens] == [("Hello", -0.5), ("", -0.25)]
        assert [json.loads(token.extra_fields) for token in tokens] == [{"token_id": 5}, {"token_id": 6}]


def test_usage_counts_tokens_and_keeps_what_is_billed() -> None:
    completion = read(COHERE.text)[1]
    assert completion.usage.total_tokens == 19
    assert json.loads(completion.usage.extra_fields)["billed_units"] == {"input_tokens": 10, "output_tokens": 7}


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("ERROR", Kind.UPSTREAM_ERROR), ("TIMEOUT", Kind.UPSTREAM_TIMEOUT), ("ERROR_LIMIT", Kind.CONTEXT_LENGTH)],
)
@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_that_was_broken_off_is_no_answer(reason: str, kind: Kind, streams: bool) -> None:
    answer = (
        stream(START, event("message-end", delta={"finish_reason": reason}))
        if streams
        else whole({"content": []}, reason, usage(12, 7))
    )
    with pytest.raises(ApiError) as caught:
        read(answer)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([event("tool-call-delta", {"tool_calls": {"function": {"arguments": "{"}}}, index=3)], "has not begun"),
        ([event("tool-call-start", {"tool_calls": []}, index=0)], "tool_calls"),
        ([event("content-delta", {}, index=0)], "content"),
        ([event("message-end", delta={})], "finish_reason"),
        ([b"data: {}\n\n"], "without a type"),
        ([b"data: []\n\n"], "expected one JSON object"),
    ],
)
def test_what_is_not_coheres_format_is_told(events: list[bytes], problem: str) -> None:
    with pytest.raises(ApiError, match=problem) as caught:
        read(stream(*events))
    assert caught.value.kind is Kind.BAD_UPSTREAM


@pytest.mark.parametrize(
    ("status", "kind"),
    [(498, Kind.UPSTREAM_AUTH), (499, Kind.UNAVAILABLE), (501, Kind.UNPROCESSABLE), (422, Kind.UNPROCESSABLE)],
)
def test_coheres_own_statuses(status: int, kind: Kind) -> None:
    assert TARGET.dialect.error(TARGET, status, {}, b'{"message":"m"}').kind is kind


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("size limit exceeded by 8 tokens.", Kind.CONTEXT_LENGTH),
        ("total number of tokens in the prompt cannot exceed 4081 - received 4292.", Kind.CONTEXT_LENGTH),
        ("minimal context could not be added to prompt", Kind.CONTEXT_LENGTH),
        ("max tokens must be less than or equal to 4096, the maximum output for this model", Kind.REFUSED),
    ],
)
def test_too_many_tokens_is_not_always_too_long_a_prompt(message: str, kind: Kind) -> None:
    body = json.dumps({"message": f"too many tokens: {message}"}).encode()
    assert TARGET.dialect.error(TARGET, 400, {}, body).kind is kind


@functools.cache
def verdicts() -> dict[str, Json]:
    """What Cohere's own client says to all of it, in one go."""
    cases: dict[str, Json] = {
        f"request {case.id} {streams}": {"kind": "request", "body": sent(request(**case.request), streams=streams)}
        for case in CASES
        for streams in (False, True)
        if case.id != "extra_params"
    }
    answers: dict[str, Any] = {name: getattr(COHERE, name) for name in (*ANSWERS, *REFUSALS)}
    for name, answer in {**answers, "cited": CITED, "cited_unary": CITED_WHOLE}.items():
        cases[name] = answer_case(answer)
    return dict(zip(cases, judged("cohere", cases.values()), strict=True))


def test_the_client_sends_what_we_send() -> None:
    for case in CASES:
        if case.id != "extra_params":
            for streams in (False, True):
                verdict = verdicts()[f"request {case.id} {streams}"]
                assert verdict == {"sent": expected(case, streams=streams), "path": "/v2/chat", "unknown": []}, case.id


BROKEN = {"error_mid_stream", "truncated", "malformed", "future_event", "future_finish"}


@pytest.mark.parametrize("name", [name for name in (*ANSWERS, "cited", "cited_unary") if name not in BROKEN])
def test_the_client_reads_what_we_read(name: str) -> None:
    answers = {"cited": CITED, "cited_unary": CITED_WHOLE}
    answer: Answer = answers[name] if name in answers else getattr(COHERE, name)
    theirs = verdicts()[name]
    chunks, ours = read(answer)
    (choice,) = ours.choices
    message = choice.message
    assert "problem" not in theirs, theirs
    assert theirs["id"] == ours.id
    assert theirs["text"] == "".join(part.text for part in message.content)
    assert theirs["thinking"] == message.reasoning_content
    assert theirs["calls"] == [[call.id, call.function.name, call.function.arguments] for call in message.tool_calls]
    assert theirs["citations"] == len(message.annotations)
    assert theirs["finish_reason"] == choice.native_finish_reason
    assert theirs["tokens"] == [ours.usage.prompt_tokens, ours.usage.completion_tokens]
    assert (theirs["cached"] or 0) == ours.usage.prompt_tokens_details.cached_tokens
    assert chunks


@pytest.mark.parametrize("name", REFUSALS)
def test_the_client_raises_what_we_raise(name: str) -> None:
    refusal: Refusal = getattr(COHERE, name)
    assert verdicts()[name].get("status") == refusal.status
