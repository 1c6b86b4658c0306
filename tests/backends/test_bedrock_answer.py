import json
import struct

import pytest
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import EventStreamError
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest

from service.backends.bedrock import BedrockDialect
from service.backends.bedrock.frames import FrameError, FrameParser
from service.errors import ApiError, Kind
from tests.backends import botocore_judge as judge
from tests.backends.bedrock_requests import CLAUDE
from tests.backends.event_frames import event, exception, frame
from tests.conformance.bedrock import BEDROCK, ENDED, ROLE, call, delta, end, metadata, stop, text
from tests.conformance.scenario import ANSWERS, REFUSALS, Answer, Refusal
from tests.conformance.test_conformance import decoded, folded


def run(*events: bytes) -> list[CompletionChunk]:
    data = b"".join(events)
    return decoded(BEDROCK, Answer(data, ""), [data])


def test_a_call_without_arguments_has_an_empty_object() -> None:
    for arguments in ((), ("",)):
        chunks = run(ROLE, *call(0, "tooluse_1", *arguments), end("tool_use"), metadata(1, 1))
        assert folded(chunks).choices[0].message.tool_calls[0].function.arguments == "{}"


def test_tools_that_bedrock_ran_itself_are_not_the_callers_business() -> None:
    server = {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}}
    data = [
        ROLE,
        event("contentBlockStart", contentBlockIndex=0, start=server),
        delta(0, toolUse={"input": "{}"}),
        stop(0),
        event("contentBlockStart", contentBlockIndex=1, start={"toolResult": {"toolUseId": "s"}}),
        delta(1, toolResult=[{"text": "found"}]),
        stop(1),
        *text(2, "So it is."),
        *call(3, "tooluse_1", "{}"),
        *ENDED,
    ]
    assert len(list(judge.events(b"".join(data)))) == 14
    message = folded(run(*data)).choices[0].message
    assert message.content[0].text == "So it is."
    assert [each.id for each in message.tool_calls] == ["tooluse_1"]


def test_citations_are_annotations_of_the_text_that_cites() -> None:
    web = {"title": "T", "location": {"web": {"url": "https://a.b/", "domain": "a.b"}}}
    page = {"title": "D", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}
    streamed = [
        ROLE,
        *text(0, "No. "),
        delta(1, text="Yes."),
        delta(1, citation=web),
        delta(1, citation=page),
        stop(1),
        *ENDED,
    ]
    assert list(judge.events(b"".join(streamed)))
    content = [{"text": "No. "}, {"citationsContent": {"content": [{"text": "Yes."}], "citations": [web, page]}}]
    whole = json.dumps({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn",
                        "usage": {"inputTokens": 12, "outputTokens": 7, "totalTokens": 19}}).encode()  # fmt: skip
    assert judge.answer(whole)["output"]["message"]["content"] == content
    unary = decoded(BEDROCK, Answer(whole, "application/json", stream=False), [whole])
    for message in (folded(run(*streamed)).choices[0].message, folded(unary).choices[0].message):
        assert message.content[0].text == "No. Yes."
        first, second = message.annotations
        assert (first.type, first.url_citation.url, first.url_citation.title) == ("url_citation", "https://a.b/", "T")
        assert (first.url_citation.start_index, first.url_citation.end_index) == (4, 8)
        assert json.loads(second.extra_fields) == {"citation": page, "start_index": 4, "end_index": 8}


@pytest.mark.parametrize(
    ("reason", "expected", "native"),
    [
        ("end_turn", "stop", "end_turn"),
        ("stop_sequence", "stop", "stop_sequence"),
        ("max_tokens", "length", "max_tokens"),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("tool_use", "tool_calls", "tool_use"),
        ("content_filtered", "content_filter", "content_filtered"),
        ("guardrail_intervened", "content_filter", "guardrail_intervened"),
    ],
)
def test_stop_reasons(reason: str, expected: str, native: str) -> None:
    choice = folded(run(ROLE, *text(0, "a"), end(reason), metadata(1, 1))).choices[0]
    assert (choice.finish_reason, choice.native_finish_reason) == (expected, native)


def test_every_stop_reason_of_the_sdk_is_known() -> None:
    for reason in judge.stop_reasons():
        try:
            choice = folded(run(ROLE, *text(0, "a"), end(reason), metadata(1, 1))).choices[0]
        except ApiError as error:
            assert (error.kind, error.upstream and error.upstream.code) == (Kind.BAD_UPSTREAM, reason)
            assert reason.startswith("malformed_")
        else:
            assert choice.finish_reason in {"stop", "length", "tool_calls", "content_filter"}


def test_reports_besides_usage_are_kept() -> None:
    end_ = event("messageStop", stopReason="end_turn", additionalModelResponseFields={"stop_sequence": "x"})
    report = event("metadata", usage={"inputTokens": 1, "outputTokens": 2, "totalTokens": 103, "cacheReadInputTokens": 80,
                                      "cacheWriteInputTokens": 20}, metrics={"latencyMs": 1},
                   serviceTier={"type": "flex"}, trace={"guardrail": {"actionReason": "x"}})  # fmt: skip
    assert len(list(judge.events(ROLE + end_ + report))) == 3
    completion = folded(run(ROLE, end_, report))
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (101, 2, 103)
    assert (usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens_details.cache_write_tokens) == (80, 20)
    assert json.loads(completion.extra_fields) == {"trace": {"guardrail": {"actionReason": "x"}}}
    assert json.loads(completion.choices[0].extra_fields) == {
        "additional_model_response_fields": {"stop_sequence": "x"}
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("internalServerException", Kind.UPSTREAM_ERROR),
        ("modelStreamErrorException", Kind.UPSTREAM_ERROR),
        ("validationException", Kind.REFUSED),
        ("throttlingException", Kind.RATE_LIMIT),
        ("serviceUnavailableException", Kind.UNAVAILABLE),
        ("somethingNewException", Kind.UPSTREAM_ERROR),
    ],
)
def test_exceptions_within_a_stream_are_errors_after_what_came_before(name: str, kind: Kind) -> None:
    data = [ROLE, delta(0, text="a"), exception(name, message="why")]
    if "New" not in name:
        with pytest.raises(EventStreamError):
            list(judge.events(b"".join(data)))
    decode = CLAUDE.dialect.decoder(CompletionRequest(), CLAUDE, stream=True, content_type="")
    assert len(decode.feed(b"".join(data))) == 2
    for _ in range(2):
        with pytest.raises(ApiError) as caught:
            decode.close()
        assert caught.value.kind is kind
        assert "why" in caught.value.message
        assert caught.value.upstream
        assert caught.value.upstream.status == 200


def test_errors_of_the_stream_itself_are_errors() -> None:
    data = frame(b"", message_type="error", error_code="InternalError", error_message="gone")
    with pytest.raises(ApiError, match="gone") as caught:
        run(ROLE, data)
    assert caught.value.kind is Kind.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "code"),
    [
        (
            400,
            {},
            {"__type": "com.amazon.coral#ValidationException", "message": "bad"},
            Kind.REFUSED,
            "ValidationException",
        ),
        (
            400,
            {"x-amzn-errortype": "ServiceQuotaExceededException"},
            {"message": "m"},
            Kind.RATE_LIMIT,
            "ServiceQuotaExceededException",
        ),
        (
            408,
            {"x-amzn-errortype": "ModelTimeoutException"},
            {"message": "m"},
            Kind.UPSTREAM_TIMEOUT,
            "ModelTimeoutException",
        ),
        (
            424,
            {"x-amzn-errortype": "ModelErrorException"},
            {"message": "m"},
            Kind.UPSTREAM_ERROR,
            "ModelErrorException",
        ),
        (
            429,
            {"x-amzn-errortype": "ModelNotReadyException"},
            {"message": "m"},
            Kind.UNAVAILABLE,
            "ModelNotReadyException",
        ),
        (403, {}, {"Message": "Bearer Token has expired"}, Kind.PERMISSION, ""),
        (500, {}, {}, Kind.UPSTREAM_ERROR, ""),
    ],
)
def test_errors_by_their_code(
    status: int, headers: dict[str, str], body: dict[str, str], kind: Kind, code: str
) -> None:
    data = json.dumps(body).encode()
    error = CLAUDE.dialect.error(CLAUDE, status, headers, data)
    assert error.kind is kind
    assert error.upstream
    assert error.upstream.code == code
    if code:
        assert judge.error(status, headers, data)["Code"] == code


def test_what_an_identity_may_not_do_is_not_told() -> None:
    words = "User: arn:aws:iam::123456789012:user/parley is not authorized to perform: bedrock:InvokeModel"
    body = json.dumps({"message": words}).encode()
    error = CLAUDE.dialect.error(CLAUDE, 403, {"x-amzn-errortype": "AccessDeniedException"}, body)
    assert error.kind is Kind.UPSTREAM_AUTH
    assert "arn:" not in error.message


@pytest.mark.parametrize("name", REFUSALS)
def test_the_sdk_reads_the_tests_refusals(name: str) -> None:
    refusal: Refusal = getattr(BEDROCK, name)
    if refusal.headers:
        kind = refusal.headers["x-amzn-errortype"].partition(":")[0]
        assert judge.error(refusal.status, refusal.headers, refusal.body)["Code"] == kind


@pytest.mark.parametrize("name", ANSWERS)
def test_the_sdk_reads_the_tests_answers_as_we_do(name: str) -> None:
    answer: Answer = getattr(BEDROCK, name)
    if not answer.stream:
        parsed = judge.answer(answer.body)
        assert parsed["stopReason"]
        assert parsed["output"]["message"]["content"]
        return
    text_, calls, reasoning = "", 0, ""
    try:
        for each in judge.events(answer.body):
            calls += "contentBlockStart" in each
            piece = each.get("contentBlockDelta", {}).get("delta", {})
            text_ += piece.get("text", "")
            reasoning += piece.get("reasoningContent", {}).get("text", "")
    except (EventStreamError, ChecksumMismatch):
        assert name in {"error_mid_stream", "malformed"}
        return
    if name == "truncated":
        return
    message = folded(run(answer.body)).choices[0].message
    assert "".join(part.text for part in message.content) == text_
    assert (len(message.tool_calls), message.reasoning_content) == (calls, reasoning)


def test_no_damaged_byte_goes_unseen() -> None:
    data = BEDROCK.text_then_tool.body
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        with pytest.raises(ApiError) as caught:
            run(bytes(damaged))
        assert caught.value.kind in {Kind.BAD_UPSTREAM, Kind.STREAM_CUT}, at


@pytest.mark.parametrize(
    "data",
    [
        ROLE[:8] + b"\0\0\0\0" + ROLE[12:],
        frame(b"x" * 200)[:20] + b"y" * 196,
        frame(b"x" * 2000),
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_what_is_no_frame_is_an_error(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(FrameParser(limit=1000).feed(data))


def test_a_damaged_length_is_seen_before_the_rest_arrives() -> None:
    with pytest.raises(FrameError):
        list(FrameParser().feed(struct.pack(">III", 900, 10, 0)))


def test_an_error_with_nothing_before_it_is_raised_at_once() -> None:
    decode = CLAUDE.dialect.decoder(CompletionRequest(), CLAUDE, stream=True, content_type="")
    with pytest.raises(ApiError):
        decode.feed(exception("throttlingException", message="why"))


@pytest.mark.parametrize("body", [b"[]", b"{", b"{}", b'{"contentBlockIndex":0,"delta":{"text":5}}'])
def test_a_malformed_event_is_an_error(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        run(frame(body, event_type="contentBlockDelta", message_type="event"))
    assert caught.value.kind is Kind.BAD_UPSTREAM


def test_arguments_of_a_call_that_has_not_begun_are_an_error() -> None:
    with pytest.raises(ApiError) as caught:
        run(ROLE, delta(0, toolUse={"input": "{}"}))
    assert caught.value.kind is Kind.BAD_UPSTREAM


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"output":{"message":{"content":[5]}},"stopReason":"end_turn"}']
)
def test_a_malformed_whole_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        decoded(BEDROCK, Answer(body, "application/json", stream=False), [body])
    assert caught.value.kind is Kind.BAD_UPSTREAM


def test_the_report_of_usage_belongs_to_the_end() -> None:
    decode = BedrockDialect().decoder(CompletionRequest(), CLAUDE, stream=True, content_type="")
    decode.feed(ROLE + b"".join(text(0, "a")) + end("end_turn"))
    assert not decode.done
    decode.feed(metadata(1, 1))
    assert decode.done
    assert decode.close() == []
