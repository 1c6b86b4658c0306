import json
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.dialect import Decoder, Target
from service.backends.openai import OpenAiDialect
from service.backends.run import expanded
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from tests.vendor import recording

STREAMS = ("openai-stream-usage.sse", "openai-tools-stream.sse", "vllm-stream.sse", "vllm-stream-usage.sse",
           "vllm-tools-stream.sse", "llamacpp-logprobs-stream.sse", "vllm-logprobs-stream.sse")  # fmt: skip
ANSWERS = ("openai-unary.json", "openai-tools-unary.json", "vllm-unary.json", "vllm-tools-unary.json",
           "llamacpp-logprobs-unary.json")  # fmt: skip

TARGET = Target(
    vendor="v",
    deployment="",
    model="vendor-model",
    dialect=OpenAiDialect(),
    base_url="http://v/v1",
    timeouts=Timeouts(),
    credential="sk-secret",
    headers={"x-team": "a"},
)


def request(**fields: Any) -> CompletionRequest:
    return CompletionRequest(model="v/m", messages=[Message(role="user", content=[ContentPart(text="hi")])], **fields)


def sent(message: CompletionRequest, *, stream: bool = False) -> dict[str, Any]:
    return json.loads(TARGET.dialect.encode(message, TARGET, stream=stream).body)


def decoder(*, stream: bool = True) -> Decoder:
    return TARGET.dialect.decoder(request(), TARGET, stream=stream, content_type="")


def run(decode: Decoder, *pieces: bytes) -> list[CompletionChunk]:
    chunks: list[CompletionChunk] = []
    for piece in pieces:
        chunks += expanded(decode.feed(piece))
        if decode.done:
            return chunks
    while batch := decode.close():
        chunks += expanded(batch)
    return chunks


def test_a_request_goes_out_as_the_vendor_knows_it() -> None:
    call = TARGET.dialect.encode(request(temperature=0), TARGET, stream=True)
    assert call.path == "/chat/completions"
    assert "sk-secret" not in str(call.headers)
    assert call.headers["x-team"] == "a"
    assert json.loads(call.body) == {
        "model": "vendor-model",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert "sk-secret" not in repr(call)


def test_zero_is_sent_and_what_is_absent_is_not() -> None:
    body = sent(request(temperature=0, top_p=0, seed=0, frequency_penalty=0, logprobs=False))
    assert {"temperature": 0, "top_p": 0, "seed": 0, "frequency_penalty": 0, "logprobs": False}.items() <= body.items()
    assert set(sent(request())) == {"model", "messages", "stream"}


def test_fields_that_speak_to_the_service_stay_here() -> None:
    message = request(inference_timeout=3, inference_extra_headers={"x-trace": "1"})
    call = TARGET.dialect.encode(message, TARGET, stream=False)
    assert call.headers["x-trace"] == "1"
    assert set(json.loads(call.body)) == {"model", "messages", "stream"}


def test_extra_parameters_are_merged_last_and_deep_but_never_over_model_and_stream() -> None:
    extra = {"model": "stolen", "stream": True, "temperature": 1, "metadata": {"b": 2}, "new": {"x": [1]}}
    body = sent(request(temperature=0, metadata={"a": "1"}, inference_extra_params=json.dumps(extra)))
    assert (body["model"], body["stream"], body["temperature"]) == ("vendor-model", False, 1)
    assert body["metadata"] == {"a": "1", "b": 2}
    assert body["new"] == {"x": [1]}


def test_a_schema_keeps_the_order_of_its_keys() -> None:
    schema = '{"z":{"b":1,"a":2},"a":[{"y":1.5,"x":12345678901234567890}]}'
    assert schema.encode() in TARGET.dialect.encode(request(guided_json=schema), TARGET, stream=False).body


def test_unknown_members_are_sent_on() -> None:
    assert sent(request(extra_fields='{"min_p":0.1}'))["min_p"] == 0.1


def test_what_openai_says_otherwise_is_said_its_way() -> None:
    body = sent(request(guided_json='{"type":"object"}'))
    assert body["response_format"]["json_schema"] == {"name": "guided_json", "schema": {"type": "object"}}
    assert "guided_json" not in body
    image = ContentPart()
    image.image_data.data, image.image_data.media_type = "aGk=", "image/gif"
    message = CompletionRequest(model="v/m", messages=[Message(role="user", content=[ContentPart(text="a"), image])])
    assert sent(message)["messages"][0]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/gif;base64,aGk="},
    }


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_gives_the_same_chunks_wherever_it_is_cut(name: str) -> None:
    data = recording(name)
    whole = run(decoder(), data)
    assert whole
    step = max(1, len(data) // 400)
    for cut in range(0, len(data), step):
        assert run(decoder(), data[:cut], data[cut:]) == whole
    assert run(decoder(), *(data[i : i + 7] for i in range(0, len(data), 7))) == whole


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_that_is_cut_anywhere_is_an_error(name: str) -> None:
    data = recording(name)
    end = data.index(b"[DONE]") + len(b"[DONE]")
    step = max(1, end // 400)
    for cut in [*range(0, end, step), end - 1]:
        with pytest.raises(ApiError) as caught:
            run(decoder(), data[:cut])
        assert caught.value.kind is Kind.STREAM_CUT
    assert run(decoder(), data[:end])


@pytest.mark.parametrize("name", ANSWERS)
def test_a_recorded_answer_that_is_cut_is_an_error(name: str) -> None:
    data = recording(name).rstrip()
    for cut in range(0, len(data), max(1, len(data) // 100)):
        with pytest.raises(ApiError) as caught:
            run(decoder(stream=False), data[:cut])
        assert caught.value.kind is Kind.BAD_UPSTREAM


def test_a_stream_with_nothing_but_its_end_mark_is_malformed() -> None:
    with pytest.raises(ApiError) as caught:
        run(decoder(), b"data: [DONE]\n\n")
    assert caught.value.kind is Kind.BAD_UPSTREAM


def test_chunks_before_an_error_event_are_given_out_first() -> None:
    decode = decoder()
    first = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    error = b'data: {"error":{"message":"engine died","code":500}}\n\n'
    assert len(decode.feed(first + error + b"data: [DONE]\n\n")) == 1
    for call in (decode.close, lambda: decode.feed(b"data: [DONE]\n\n")):
        with pytest.raises(ApiError) as caught:
            call()
        assert caught.value.kind is Kind.UPSTREAM_ERROR
        assert "engine died" in caught.value.message
    assert not decode.done


@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: 5\n\n", b'data: {"choices":7}\n\n', b"data: <html>\n\n"])
def test_a_malformed_event_is_an_error(data: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        decoder().feed(data)
    assert caught.value.kind is Kind.BAD_UPSTREAM


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"bad","code":"context_length_exceeded"}}', Kind.CONTEXT_LENGTH),
        (400, b'{"error":{"message":"bad","code":400,"type":"BadRequestError"}}', Kind.REFUSED),
        (400, b'{"object":"error","message":"bad","type":"BadRequestError"}', Kind.REFUSED),
        (404, b'{"detail":"Not Found"}', Kind.MODEL_NOT_FOUND),
        (429, b'{"error":{"message":"pay","code":"insufficient_quota"}}', Kind.NO_QUOTA),
        (429, b"", Kind.RATE_LIMIT),
        (401, b'{"error":{"message":"Incorrect API key provided: sk-sec**ret"}}', Kind.UPSTREAM_AUTH),
        (502, b"<html>Bad gateway</html>", Kind.BAD_UPSTREAM),
        (503, b'{"error":"loading"}', Kind.UNAVAILABLE),
        (529, b"{}", Kind.OVERLOADED),
        (302, b"", Kind.BAD_UPSTREAM),
        (418, b"", Kind.REFUSED),
        (599, b"", Kind.UPSTREAM_ERROR),
    ],
)
def test_an_error_is_read_in_each_of_its_shapes(status: int, body: bytes, kind: Kind) -> None:
    error = TARGET.dialect.error(TARGET, status, {"retry-after": "7", "x-request-id": "req_1"}, body)
    assert error.kind is kind
    assert error.retry_after == 7
    assert error.upstream is not None
    assert (error.upstream.status, error.upstream.request_id) == (status, "req_1")
    assert "html" not in error.message
    assert "sk-sec" not in error.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT", "date": "Sun, 06 Nov 1994 08:49:30 GMT"}, 7),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert TARGET.dialect.error(TARGET, 429, headers, b"").retry_after == seconds


@pytest.mark.parametrize(("streamed", "whole"), [("openai-tools-stream.sse", "openai-tools-unary.json"),
                                                 ("openai-stream-usage.sse", "openai-unary.json")])  # fmt: skip
def test_both_ways_of_answering_fold_into_the_same_message(streamed: str, whole: str) -> None:
    results: list[Message] = []
    for name, stream in ((streamed, True), (whole, False)):
        normalizer, fold = Normalizer("v/m"), Fold()
        fold.batch(normalizer.batch(run(decoder(stream=stream), recording(name))))
        message = fold.result().choices[0].message
        for call in message.tool_calls:
            call.id = ""
        results.append(message)
    assert results[0] == results[1]
    assert results[0].content or results[0].tool_calls


def test_reports_that_nobody_asked_for_are_hidden_and_those_asked_for_are_not() -> None:
    dialect = OpenAiDialect(hides={"progress": "return_progress"}, always_streams=True)
    data = b'data: {"choices":[],"progress":1}\n\ndata: {"choices":[]}\n\ndata: [DONE]\n\n'
    for asked, count in (("", 1), ('{"return_progress":true}', 2)):
        decode = dialect.decoder(request(extra_fields=asked), TARGET, stream=False, content_type="text/event-stream")
        assert len(run(decode, data)) == count
