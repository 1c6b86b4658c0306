import base64
import json
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import Choice, Completion, CompletionChunk, CompletionRequest

from service.backends.gemini.finish import FAILURES, REASONS
from service.backends.run import expanded
from service.codec import to_object
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.backends.gemini_cases import Json
from tests.backends.gemini_judge import TARGET, read, seen
from tests.conformance.gemini import GEMINI, VERTEX, call, event, response, text, usage
from tests.conformance.scenario import ANSWERS, REFUSALS, Answer, Dialogue, Refusal
from tests.conformance.scenario import FAILURES as BROKEN

EVENTS = "text/event-stream"
PNG = "iVBORw0KGgo="
message_of = to_object(Choice, nulls=False)


def chunks_of(data: bytes, *, stream: bool = True, request: CompletionRequest | None = None) -> list[CompletionChunk]:
    content_type = EVENTS if stream else "application/json"
    decoder = TARGET.dialect.decoder(request or read({}), TARGET, stream=stream, content_type=content_type)
    chunks = expanded(decoder.feed(data))
    while batch := decoder.close():
        chunks += expanded(batch)
    return chunks


def folded(chunks: list[CompletionChunk]) -> Completion:
    normalizer, fold = Normalizer("v/m"), Fold()
    fold.batch(normalizer.batch(chunks))
    if last := normalizer.last():
        fold.add(last)
    return fold.result()


def streamed(*events: bytes, **asks: Any) -> Completion:
    return folded(chunks_of(b"".join(events), request=read(asks)))


def whole(body: Json, **asks: Any) -> Completion:
    return folded(chunks_of(json.dumps(body).encode(), stream=False, request=read(asks)))


def message(completion: Completion) -> Any:
    (choice,) = completion.choices
    return message_of(choice)["message"]


def failing(*events: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        chunks_of(b"".join(events))
    return caught.value


# What Google's own client makes of the same bytes


@pytest.mark.parametrize("dialogue", [GEMINI, VERTEX], ids=["gemini", "vertex"])
def test_googles_own_client_reads_the_same_in_every_answer(dialogue: Dialogue) -> None:
    names = [name for name in ANSWERS if name not in BROKEN and not name.startswith("future")]
    answers: list[Answer | Refusal] = [getattr(dialogue, name) for name in names]
    for name, answer, theirs in zip(names, answers, seen(answers), strict=True):
        ours = folded(chunks_of(answer.body, stream=name not in {"text_unary", "tools_unary"}))
        said = ours.choices[0].message
        assert "".join(part.text for part in said.content) == theirs["text"], name
        assert said.reasoning_content == theirs["thoughts"], name
        calls = [[each.function.name, json.loads(each.function.arguments)] for each in said.tool_calls]
        assert calls == theirs["calls"], name
        assert ours.choices[0].native_finish_reason == theirs["finish"], name
        assert ours.usage.total_tokens == theirs["usage"]["total_token_count"], name


@pytest.mark.parametrize("dialogue", [GEMINI, VERTEX], ids=["gemini", "vertex"])
def test_googles_own_client_takes_every_refusal_for_one(dialogue: Dialogue) -> None:
    names = [name for name in REFUSALS if name != "page"]
    refusals: list[Answer | Refusal] = [getattr(dialogue, name) for name in names]
    for refusal, theirs in zip(refusals, seen(refusals), strict=True):
        assert isinstance(refusal, Refusal)
        assert theirs["code"] == refusal.status
        assert theirs["status"] == json.loads(refusal.body)["error"]["status"]


def test_googles_own_client_raises_in_the_middle_as_well() -> None:
    (theirs,) = seen([GEMINI.error_mid_stream])
    assert theirs == {"raised": "ServerError", "code": 503, "status": "UNAVAILABLE"}


# Parts


def test_a_signature_goes_out_with_its_call_and_its_text() -> None:
    said = message(
        streamed(
            event(text("a")),
            event(call('{"b":1,"a":12345678901234567890}', thoughtSignature="c2ln"), call("{}")),
            event({"text": "", "thoughtSignature": "dGV4dA=="}, finish="STOP"),
        )
    )
    first, second = said["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    assert first["function"]["arguments"] == '{"b":1,"a":12345678901234567890}'
    assert "extra_content" not in second
    assert said["extra_content"] == {"google": {"thought_signature": "dGV4dA=="}}
    assert said["content"] == "a"


def test_what_goes_out_comes_back_as_it_was() -> None:
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"text": "a", "thoughtSignature": "dGV4dA=="},
        {"functionCall": {"id": "x", "name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "c2ln"},
    ]
    said = message(streamed(event(*parts, finish="STOP")))
    asks = [{"role": "user", "content": "hi"}, said, {"role": "tool", "tool_call_id": "x", "content": "ok"}]
    body = json.loads(TARGET.dialect.encode(read({"messages": asks}), TARGET, stream=False).body)
    assert body["contents"][1] == {"role": "model", "parts": parts}


def test_the_vendors_id_of_a_call_is_kept_and_a_missing_one_made() -> None:
    named = {"functionCall": {"id": "abc", "name": "f"}}
    calls = message(streamed(event(call("{}"), named), event(call("{}"), finish="STOP")))["tool_calls"]
    assert [each["id"] for each in calls] == [
        "call_0_0_mAitaLmkHPPlz7IPvtfUqQ4",
        "abc",
        "call_0_2_mAitaLmkHPPlz7IPvtfUqQ4",
    ]
    assert calls[1]["function"] == {"name": "f", "arguments": "{}"}


def test_images_sounds_and_kinds_of_the_future_are_not_lost() -> None:
    sound = [base64.b64encode(piece).decode() for piece in (b"a", b"bc")]
    said = message(
        streamed(
            event({"inlineData": {"mimeType": "image/png", "data": PNG}}),
            event(*({"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": each}} for each in sound)),
            event({"hologram": {"voxels": 1}, "thoughtSignature": "c2ln"}, finish="STOP"),
        )
    )
    assert said["images"] == [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    assert base64.b64decode(said["audio"]["data"]) == b"abc"
    assert said["extra_content"]["google"]["parts"] == [{"hologram": {"voxels": 1}, "thoughtSignature": "c2ln"}]


def test_candidates_are_choices() -> None:
    def piece(*candidates: Json) -> bytes:
        return b"data: " + json.dumps({"candidates": list(candidates), "responseId": "r"}).encode() + b"\n\n"

    def candidate(words: str, **members: Any) -> Json:
        return {"content": {"role": "model", "parts": [{"text": words}]}, **members}

    first = piece(candidate("a"), candidate("x", index=1))
    completion = streamed(
        first,
        piece(candidate("y", index=1, finishReason="MAX_TOKENS")),
        piece(candidate("b", finishReason="STOP")),
        n=2,
    )
    said = [(choice.index, choice.message.content[0].text, choice.finish_reason) for choice in completion.choices]
    assert said == [(0, "ab", "stop"), (1, "xy", "length")]
    assert failing(first, piece(candidate("b", finishReason="STOP"))).kind is Kind.STREAM_CUT


def test_log_probabilities() -> None:
    chosen = [{"token": "wö", "tokenId": 7, "logProbability": -0.5}, {"token": "!", "logProbability": 0}]
    top = [{"candidates": [chosen[0], {"token": "x", "logProbability": -1}]}]
    body = response(text("wö!"), finish="STOP")
    body["candidates"][0]["logprobsResult"] = {"chosenCandidates": chosen, "topCandidates": top}
    logprobs = whole(body, logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert [(each.token, each.logprob, each.bytes) for each in logprobs] == [
        ("wö", -0.5, "wö".encode()),
        ("!", 0, b"!"),
    ]
    assert [(each.token, each.logprob) for each in logprobs[0].top_logprobs] == [("wö", -0.5), ("x", -1)]


def test_citations_count_characters_where_the_vendor_counts_bytes() -> None:
    body = response(text("wörld is round"), finish="STOP")
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"retrievedContext": {"uri": "gs://b"}}],
        "groundingSupports": [
            {"segment": {"endIndex": 6, "text": "wörld"}, "groundingChunkIndices": [0, 1]},
            {"segment": {"startIndex": 7, "endIndex": 15}, "groundingChunkIndices": [0, 9]},
        ],
        "webSearchQueries": ["world"],
    }
    body["candidates"][0]["groundingMetadata"] = grounding
    body["candidates"][0]["citationMetadata"] = {"citationSources": [{"endIndex": 6, "uri": "https://c"}]}
    said = message(whole(body))
    cited = [(each["url_citation"]["url"], each["url_citation"]["start_index"], each["url_citation"]["end_index"])
             for each in said["annotations"]]  # fmt: skip
    assert cited == [("https://a", 0, 5), ("https://a", 6, 14), ("https://c", 0, 5)]
    assert said["extra_content"]["google"]["grounding_metadata"] == grounding


def test_what_comes_after_the_end_tells_no_source_twice() -> None:
    body = response(text("a"), finish="STOP")
    body["candidates"][0]["citationMetadata"] = {"citations": [{"endIndex": 1, "uri": "https://c"}]}
    end = b"data: " + json.dumps(body).encode() + b"\n\n"
    assert len(message(streamed(end, event(finish="STOP")))["annotations"]) == 1


def test_usage_adds_up() -> None:
    tokens = usage(10, 4, toolUsePromptTokenCount=3, thoughtsTokenCount=5, cachedContentTokenCount=4)
    tokens["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": 6}, {"modality": "IMAGE", "tokenCount": 4}]
    tokens["candidatesTokensDetails"] = [{"modality": "AUDIO", "tokenCount": 4}, {"modality": "VIDEO"}]
    spent = whole(response(text("a"), finish="STOP", usageMetadata=tokens)).usage
    assert (spent.prompt_tokens, spent.completion_tokens, spent.total_tokens) == (13, 9, 22)
    assert spent.prompt_tokens_details.cached_tokens == 4
    assert (spent.prompt_tokens_details.text_tokens, spent.prompt_tokens_details.image_tokens) == (6, 4)
    assert (spent.completion_tokens_details.reasoning_tokens, spent.completion_tokens_details.audio_tokens) == (5, 4)


def test_a_report_of_usage_may_follow_the_end() -> None:
    late = b'data: {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}}\n\n'
    assert streamed(event(text("a"), finish="STOP"), late).usage.total_tokens == 3


def test_a_pattern_is_followed_by_a_json_string_and_shown_without_its_quotes() -> None:
    assert (
        message(streamed(event(text('"a')), event(text('\\"b"'), finish="STOP"), guided_regex="a.b"))["content"]
        == 'a"b'
    )
    assert message(whole(response(text('"ab"'), finish="STOP"), guided_regex="ab"))["content"] == "ab"
    assert message(whole(response(text('"ab"'), finish="STOP")))["content"] == '"ab"'


# Ends


@pytest.mark.parametrize("word", REASONS)
def test_an_end_has_openais_word_and_keeps_its_own(word: str) -> None:
    (choice,) = streamed(event(text("a"), finish=word)).choices
    assert (choice.finish_reason, choice.native_finish_reason) == (REASONS[word], word)


@pytest.mark.parametrize("word", ["OTHER", "IMAGE_OTHER", "FINISH_REASON_UNSPECIFIED", "NEW"])
def test_an_end_without_a_word_of_openais_keeps_its_own(word: str) -> None:
    (choice,) = streamed(event(text("a"), finish=word)).choices
    assert (choice.finish_reason, choice.native_finish_reason) == (word, word)


@pytest.mark.parametrize("word", FAILURES)
def test_an_end_that_is_none_is_an_error(word: str) -> None:
    data = event(text("one")) + event(text("two"), finish=word)
    decoder = TARGET.dialect.decoder(read({}), TARGET, stream=True, content_type=EVENTS)
    completion = folded(expanded(decoder.feed(data)))
    assert completion.choices[0].message.content[0].text == "onetwo"
    assert completion.choices[0].finish_reason == ""
    for step in (decoder.close, lambda: decoder.feed(b"")):
        with pytest.raises(ApiError) as caught:
            step()
        assert caught.value.kind is FAILURES[word][0]
        assert word in caught.value.message
    with pytest.raises(ApiError):
        whole(response(text("one"), finish=word))


@pytest.mark.parametrize("stream", [True, False])
def test_a_blocked_prompt_is_an_error_of_the_request(stream: bool) -> None:
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 5}}
    data = json.dumps(body).encode()
    with pytest.raises(ApiError) as caught:
        chunks_of(b"data: " + data + b"\n\n" if stream else data, stream=stream)
    assert caught.value.kind is Kind.CONTENT_FILTER
    assert "PROHIBITED_CONTENT" in caught.value.message


def test_a_block_in_the_middle_is_an_error() -> None:
    blocked = b'data: {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"}}\n\n'
    decoder = TARGET.dialect.decoder(read({}), TARGET, stream=True, content_type=EVENTS)
    assert decoder.feed(event(text("one")) + blocked)
    with pytest.raises(ApiError) as caught:
        decoder.close()
    assert caught.value.kind is Kind.CONTENT_FILTER


def test_ratings_of_a_prompt_are_no_block() -> None:
    assert message(streamed(event(text("a"), finish="STOP", promptFeedback={"safetyRatings": []})))["content"] == "a"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b"",
        b'{"candidates": []}',
        b'{"candidates": 5}',
        b'{"candidates": [5]}',
        b'{"candidates": [{"content": {"parts": [{"text": "a"}]}}]}',
        b'{"candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": 5}]}}]}',
        b'{"candidates": [{"finishReason": "STOP", "index": -1}]}',
        b'{"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": "5"}}',
        b'{"candidates": [{"finishReason": "STOP", "content": {"parts": [{"functionCall": {"name": "f", "willContinue": true}}]}}]}',
    ],
)
def test_a_malformed_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        chunks_of(body, stream=False)
    assert caught.value.kind is Kind.BAD_UPSTREAM


def test_an_error_may_come_with_status_200() -> None:
    body = b'{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}'
    with pytest.raises(ApiError) as caught:
        chunks_of(body, stream=False)
    assert caught.value.kind is Kind.RATE_LIMIT


# Errors


def error(status: int, word: str, message: str = "bad", reason: str = "", **members: Any) -> ApiError:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    body = {"error": {"code": status, "message": message, "status": word, "details": details, **members}}
    return TARGET.dialect.error(TARGET, status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "word", "reason", "kind"),
    [
        (400, "INVALID_ARGUMENT", "", Kind.REFUSED),
        (400, "FAILED_PRECONDITION", "", Kind.REFUSED),
        (400, "INVALID_ARGUMENT", "API_KEY_INVALID", Kind.UPSTREAM_AUTH),
        (401, "UNAUTHENTICATED", "", Kind.UPSTREAM_AUTH),
        (403, "PERMISSION_DENIED", "", Kind.PERMISSION),
        (403, "PERMISSION_DENIED", "SERVICE_DISABLED", Kind.UPSTREAM_AUTH),
        (403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED", Kind.UPSTREAM_AUTH),
        (403, "PERMISSION_DENIED", "BILLING_DISABLED", Kind.NO_QUOTA),
        (404, "NOT_FOUND", "", Kind.MODEL_NOT_FOUND),
        (409, "ABORTED", "", Kind.UPSTREAM_ERROR),
        (413, "INVALID_ARGUMENT", "", Kind.TOO_LARGE),
        (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", Kind.RATE_LIMIT),
        (499, "CANCELLED", "", Kind.UPSTREAM_ERROR),
        (500, "INTERNAL", "", Kind.UPSTREAM_ERROR),
        (501, "UNIMPLEMENTED", "", Kind.REFUSED),
        (503, "UNAVAILABLE", "", Kind.UNAVAILABLE),
        (504, "DEADLINE_EXCEEDED", "", Kind.UPSTREAM_TIMEOUT),
        (529, "overloaded_error", "", Kind.OVERLOADED),
    ],
)
def test_an_error_is_of_the_kind_that_status_and_reason_say(status: int, word: str, reason: str, kind: Kind) -> None:
    assert error(status, word, reason=reason).kind is kind


def test_our_key_is_never_shown() -> None:
    assert "sk-secret" not in error(403, "PERMISSION_DENIED", "Consumer 'api_key:sk-secret' is odd").message


def test_a_list_of_one_error_is_read_as_well() -> None:
    body = b'[{"error": {"code": 400, "message": "odd", "status": "INVALID_ARGUMENT"}}]'
    assert "odd" in TARGET.dialect.error(TARGET, 400, {}, body).message


@pytest.mark.parametrize("body", [b"[]", b"5", b"{}", b'{"error": 5}', b'{"error": {"details": [5]}}'])
def test_an_odd_error_is_still_one(body: bytes) -> None:
    assert TARGET.dialect.error(TARGET, 500, {}, body).kind is Kind.UPSTREAM_ERROR
