"""Vendors that speak OpenAI's chat completions: what each row of data makes of a request and of an answer."""

import json
import re
from dataclasses import replace
from typing import Any, cast

import pytest
from parley.chat.v1.completion_pb2 import Completion, CompletionRequest

from service.backends.compatible import DIALECTS as ROWS
from service.backends.compatible import VENDORS as COMPATIBLE
from service.backends.dialect import Target
from service.backends.fields import Emulated, Refused, missing
from service.backends.run import expanded
from service.backends.vendors import DIALECTS
from service.codec import decoder as json_decoder
from service.codec import parse_object
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.conformance.mistral import MISTRAL
from tests.conformance.openai import DONE, EVENTS, ROLE, STOP, WORDS, call, chunk, usage
from tests.conformance.scenario import ANSWERS, REASONING, TEXT, Answer
from tests.sdk.judge import answer_case, judged

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "hi"}
CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL: Json = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
decode_request = json_decoder(CompletionRequest)


def target_of(dialect: str, model: str = "m") -> Target:
    return Target(
        vendor=dialect, deployment="", model=model, dialect=DIALECTS[dialect], base_url="http://v", timeouts=Timeouts()
    )


def request(**members: Any) -> CompletionRequest:
    return decode_request(parse_object(json.dumps({"model": "v/m", "messages": [HI], **members})))


def sent(dialect: str, *, streams: bool = False, **members: Any) -> Json:
    target = target_of(dialect)
    return json.loads(target.dialect.encode(request(**members), target, stream=streams).body)


def read(dialect: str, answer: Answer) -> Completion:
    target = target_of(dialect)
    decode = target.dialect.decoder(request(), target, stream=answer.stream, content_type=answer.content_type)
    chunks = expanded(decode.feed(answer.body))
    while not decode.done and (batch := decode.close()):
        chunks += expanded(batch)
    normalizer, fold = Normalizer("v/m"), Fold()
    fold.batch(normalizer.batch(chunks))
    if last := normalizer.last():
        fold.add(last)
    return fold.result()


def streamed(*events: bytes) -> Answer:
    return Answer(b"".join(events), EVENTS)


@pytest.mark.parametrize("name", ROWS)
def test_every_field_has_its_row(name: str) -> None:
    assert list(missing(ROWS[name].fields)) == []


def test_every_vendor_has_a_dialect_and_an_address() -> None:
    for name, vendor in COMPATIBLE.items():
        assert vendor.dialect in ROWS
        url = vendor.base_url
        assert url is None or re.fullmatch(r"https://\S+[^/]|http://127\.0\.0\.1:\d+/v1", url), name
        own = url is None or url.startswith("http://")
        assert own == (vendor.api_key_env is None), "who runs a server says where it is, and needs no key"


def test_every_row_is_used() -> None:
    assert {vendor.dialect for vendor in COMPATIBLE.values()} == set(ROWS)


@pytest.mark.parametrize(
    ("dialect", "members", "expected"),
    [
        ("mistral", {"seed": 0, "max_completion_tokens": 5}, {"random_seed": 0, "max_tokens": 5}),
        ("deepseek", {"max_completion_tokens": 5}, {"max_tokens": 5}),
        ("ollama", {"max_completion_tokens": 5}, {"max_tokens": 5}),
        ("sglang", {"guided_regex": "a+", "include_stop_str_in_output": True}, {"regex": "a+", "no_stop_trim": True}),
        ("sglang", {"guided_grammar": "root ::= x"}, {"ebnf": "root ::= x"}),
        ("llamacpp", {"guided_grammar": "root ::= x"}, {"grammar": "root ::= x"}),
        ("llmengine", {"guided_json": {"z": 1}, "top_k": 3}, {"guided_json": {"z": 1}, "top_k": 3}),
        ("groq", {"top_k": 3, "min_p": 0.1}, {"top_k": 3, "min_p": 0.1}),
    ],
)
def test_each_vendor_is_told_in_its_own_words(dialect: str, members: Json, expected: Json) -> None:
    assert sent(dialect, **members) == {"messages": [HI], "model": "m", "stream": False, **expected}


@pytest.mark.parametrize("dialect", [name for name in ROWS if name != "mistral"])
def test_streams_are_asked_for_their_usage(dialect: str) -> None:
    assert sent(dialect, streams=True)["stream_options"] == {"include_usage": True}


def test_mistral_is_not_asked_for_what_it_refuses_to_hear_of() -> None:
    assert set(sent("mistral", streams=True)) == {"messages", "model", "stream"}


def test_call_ids_of_other_vendors_become_mistrals() -> None:
    calls = [CALL, {**CALL, "id": "aB3dE6gH9"}]
    messages = [
        HI,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "a"},
        {"role": "tool", "tool_call_id": "aB3dE6gH9", "content": "b"},
    ]
    body = sent("mistral", messages=messages)["messages"]
    made, own = (each["id"] for each in body[1]["tool_calls"])
    assert re.fullmatch(r"[A-Za-z0-9]{9}", made)
    assert own == "aB3dE6gH9"
    assert [message["tool_call_id"] for message in body[2:]] == [made, own]
    assert sent("mistral", messages=messages)["messages"][1]["tool_calls"][0]["id"] == made


def test_mistral_hears_sounds_as_base64() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    body = sent("mistral", messages=[{"role": "user", "content": [sound]}])
    assert body["messages"][0]["content"] == [{"type": "input_audio", "input_audio": "aGk="}]


@pytest.mark.parametrize("dialect", ["ollama"])
def test_earlier_reasoning_has_the_name_that_the_vendor_knows(dialect: str) -> None:
    said = {"role": "assistant", "content": "a", "reasoning_content": "because"}
    assert sent(dialect, messages=[HI, said])["messages"][1] == {
        "role": "assistant",
        "content": "a",
        "reasoning": "because",
    }


@pytest.mark.parametrize(
    ("dialect", "names"),
    [
        ("groq", "logprobs top_logprobs logit_bias message.name best_of"),
        ("cerebras", "frequency_penalty presence_penalty logit_bias"),
        ("mistral", "logit_bias user store content.file"),
        ("ollama", "tool_choice parallel_tool_calls logit_bias user"),
        ("compatible", "suffix cache_control guided_regex"),
    ],
)
def test_what_a_vendor_does_not_do_is_refused(dialect: str, names: str) -> None:
    fields = DIALECTS[dialect].fields
    assert [name for name in names.split() if not isinstance(fields[name], Refused)] == []


@pytest.mark.parametrize("dialect", ["groq", "ollama", "llamacpp"])
def test_several_answers_are_several_requests_where_the_vendor_gives_one(dialect: str) -> None:
    assert isinstance(DIALECTS[dialect].fields["n"], Emulated)


def test_groqs_usage_is_found_where_it_stands() -> None:
    last = chunk({}, "stop", x_groq={"id": "req_1", "usage": usage(12, 7)})
    completion = read("groq", streamed(*WORDS, last, DONE))
    assert completion.usage.total_tokens == 19
    assert json.loads(completion.extra_fields)["x_groq"] == {"id": "req_1"}
    both = chunk({}, "stop", x_groq={"usage": usage(1, 1)}, usage=usage(12, 7))
    assert read("groq", streamed(*WORDS, both, DONE)).usage.total_tokens == 19


def test_deepseeks_cache_hits_are_cached_tokens() -> None:
    counts = usage(10, 9, prompt_cache_hit_tokens=4, prompt_cache_miss_tokens=6)
    completion = read("deepseek", streamed(*WORDS, chunk({}, "stop", usage=counts), DONE))
    assert completion.usage.prompt_tokens_details.cached_tokens == 4


@pytest.mark.parametrize(
    ("dialect", "word"),
    [
        ("deepseek", "insufficient_system_resource"),
        ("mistral", "error"),
        ("openrouter", "error"),
        ("sglang", "abort"),
    ],
)
def test_an_answer_that_was_broken_off_is_no_answer(dialect: str, word: str) -> None:
    target = target_of(dialect)
    decode = target.dialect.decoder(request(), target, stream=True, content_type=EVENTS)
    assert decode.feed(b"".join((*WORDS, chunk({}, word), DONE)))
    with pytest.raises(ApiError) as caught:
        decode.close()
    assert caught.value.kind is Kind.UPSTREAM_ERROR


def test_openrouters_error_in_mid_stream_is_told() -> None:
    failed = chunk({"content": ""}, "error", error={"code": 429, "message": "Rate limit exceeded"})
    target = target_of("openrouter")
    decode = target.dialect.decoder(request(), target, stream=True, content_type=EVENTS)
    assert decode.feed(b": OPENROUTER PROCESSING\n\n" + b"".join((*WORDS, failed)))
    with pytest.raises(ApiError) as caught:
        decode.close()
    assert caught.value.kind is Kind.RATE_LIMIT


def test_reasoning_is_one_field_whatever_its_name() -> None:
    completion = read("openrouter", streamed(ROLE, chunk({"reasoning": REASONING}), *WORDS[1:], STOP, DONE))
    assert completion.choices[0].message.reasoning_content == REASONING


def test_perplexitys_pages_are_annotations_once() -> None:
    pages = [{"title": "A", "url": "https://x/a", "date": "2026-01-01"}, {"title": "B", "url": "https://x/b"}]
    events = (
        chunk({"role": "assistant", "content": "a"}, search_results=pages[:1]),
        chunk({"content": "b"}, search_results=pages),
        chunk({}, "stop", search_results=pages, usage=usage(12, 7)),
    )
    completion = read("perplexity", streamed(*events, DONE))
    annotations = completion.choices[0].message.annotations
    assert [(each.type, each.url_citation.url, each.url_citation.title) for each in annotations] == [
        ("url_citation", "https://x/a", "A"),
        ("url_citation", "https://x/b", "B"),
    ]
    assert json.loads(annotations[0].url_citation.extra_fields) == {"date": "2026-01-01"}


def test_an_engine_without_an_end_mark_ends_with_its_last_choice() -> None:
    completion = read("llmengine", streamed(*WORDS, STOP, chunk(usage=usage(12, 7))))
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == 19
    for events in ((), WORDS, (*WORDS, *call(0, "c", "{}"))):
        with pytest.raises(ApiError) as caught:
            read("llmengine", streamed(*events))
        assert caught.value.kind is Kind.STREAM_CUT
    two = chunk({"content": "x"}).replace(b'"index": 0', b'"index": 1')
    with pytest.raises(ApiError):
        read("llmengine", streamed(*WORDS, two, STOP))


def test_an_engines_own_errors_are_told() -> None:
    error = {"status_code": 400, "content": {"error": "too hot", "timestamp": "2026"}}
    event = b"data: " + json.dumps({"request_id": "r", "error": error}).encode() + b"\n\n"
    target = target_of("llmengine")
    decode = target.dialect.decoder(request(), target, stream=True, content_type=EVENTS)
    with pytest.raises(ApiError, match="llmengine: too hot") as caught:
        decode.feed(event)
    assert caught.value.kind is Kind.REFUSED
    assert target.dialect.encode(request(), target, stream=True).path == "/v2/chat/completions"


@pytest.mark.parametrize("shape", [b"%s", b'{"object":"error","message":%s,"type":"invalid_request_error"}'])
def test_a_list_of_problems_is_told_as_one(shape: bytes) -> None:
    target = target_of("mistral")
    body = b'{"detail":[{"loc":["body","x"],"msg":"Extra inputs are not permitted"},{"msg":"Field required"}]}'
    error = target.dialect.error(target, 422, {}, shape % body)
    assert error.message == "mistral: Extra inputs are not permitted; Field required"


REQUESTS: dict[str, Json] = {
    "plain": {"temperature": 0, "seed": 1, "max_completion_tokens": 5, "stop": ["x"], "n": 2, "top_p": 0.5},
    "tools": {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False},
    "named": {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
    "schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        }
    },
    "turns": {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": "https://x"}}]},
            {"role": "assistant", "content": "a", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "r"},
        ]
    },
}  # fmt: skip


def test_mistrals_own_client_sends_the_same() -> None:
    bodies = [sent("mistral", **members) for members in REQUESTS.values()]
    verdicts = judged("mistral", [{"kind": "request", "body": body} for body in bodies])
    for name, body, verdict in zip(REQUESTS, bodies, verdicts, strict=True):
        # The client writes the defaults of nested objects; what we say stands there as we say it.
        assert "problem" not in verdict, (name, verdict)
        assert includes(verdict["sent"], body), (name, verdict["sent"], body)


def includes(whole: Any, part: Any) -> bool:
    """Whether one JSON value has all that another has."""
    if isinstance(part, dict):
        members = cast("Json", part)
        return isinstance(whole, dict) and all(
            name in whole and includes(whole[name], value) for name, value in members.items()
        )
    if isinstance(part, list):
        items = cast("list[Any]", part)
        return len(whole) == len(items) and all(includes(*pair) for pair in zip(whole, items, strict=True))
    return whole == part


BROKEN = {"error_mid_stream", "truncated", "malformed", "future_event", "future_finish"}


def test_mistrals_own_client_reads_what_we_read() -> None:
    answers: dict[str, Answer] = {
        name: answer for name in ANSWERS if name not in BROKEN and isinstance(answer := getattr(MISTRAL, name), Answer)
    }
    verdicts = judged("mistral", [answer_case(answer) for answer in answers.values()])
    for (name, answer), verdict in zip(answers.items(), verdicts, strict=True):
        assert "problem" not in verdict, (name, verdict)
        ours = read("mistral", answer).choices[0]
        theirs: list[Json] = [choice for event in verdict["events"] for choice in event["choices"]]
        said: list[Json] = [choice.get("delta") or choice["message"] for choice in theirs]
        text = "".join(piece for message in said for piece in texts(message["content"], "text"))
        thought = "".join(piece for message in said for piece in texts(message["content"], "thinking"))
        calls = [each["id"] for message in said for each in message.get("tool_calls") or ()]
        assert text == "".join(part.text for part in ours.message.content), name
        assert thought == ours.message.reasoning_content, name
        assert calls == [each.id for each in ours.message.tool_calls], name


def texts(content: Any, kind: str) -> list[str]:
    """The texts of one kind in Mistral's content."""
    if isinstance(content, str):
        return [content] if kind == "text" else []
    parts: list[Json] = content or []
    if kind == "thinking":
        return [piece["text"] for part in parts if part["type"] == kind for piece in part["thinking"]]
    return [part["text"] for part in parts if part["type"] == kind]


def test_parts_that_are_neither_text_nor_thought_are_kept() -> None:
    reference = {"type": "reference", "reference_ids": [1]}
    completion = read(
        "mistral", streamed(ROLE, chunk({"content": [{"type": "text", "text": TEXT}, reference]}), STOP, DONE)
    )
    assert json.loads(completion.choices[0].message.extra_fields)["content_parts"] == [reference]
    assert replace(MISTRAL.target, model="x").fields == MISTRAL.target.fields
