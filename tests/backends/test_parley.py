import pytest
from parley.chat.v1.completion_pb2 import Choice, Completion, CompletionChunk, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, ImageUrl, Message

from service.backends.grpc_frames import (
    LARGEST,
    FrameError,
    FrameParser,
    as_metadata,
    message_frame,
    metadata_frame,
    read_metadata,
)
from service.backends.grpc_status import BY_CODE, HTTP_STATUS
from service.backends.parley import ParleyDialect
from service.errors import ApiError, Kind
from service.pipeline.report import Report
from tests.conformance.parley import OK, PARLEY, bare, failure, trailers

TARGET = PARLEY.target
REQUEST = CompletionRequest(
    model="eu/openai/gpt-4o",
    messages=[Message(role="user", content=[ContentPart(text="hi")])],
    temperature=0,
    inference_timeout=3,
    best_of=4,
    guided_regex="a+",
    inference_extra_headers={"x-extra": "1"},
    extra_fields='{"b": 1, "a": 2}',
)


def told(kind: Kind) -> ApiError:
    return failure(kind, "openai: words", param="messages[0]", retry_after=1.5)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.INVALID_KEY], ids=lambda kind: kind.name)
def test_every_error_is_the_same_on_this_side(kind: Kind) -> None:
    sent = told(kind)
    got = TARGET.dialect.error(TARGET, HTTP_STATUS[kind.value.grpc.value[0]], trailers(sent), b"")
    assert (got.kind, got.message, got.code, got.param, got.retry_after) == (
        kind, sent.message, sent.code, sent.param, sent.retry_after,
    )  # fmt: skip
    assert got.upstream is not None
    assert (got.upstream.vendor, got.upstream.status, got.upstream.request_id) == ("eu", kind.value.http, "req-1")


def test_a_vendors_own_code_keeps_its_kind_by_the_http_status() -> None:
    sent = failure(Kind.UNPROCESSABLE, "openai: ?", code="odd")
    got = TARGET.dialect.error(TARGET, 400, trailers(sent), b"")
    assert (got.kind, got.code) == (Kind.UNPROCESSABLE, "odd")


@pytest.mark.parametrize(("kind", "from_vendor", "expected"), [
    (Kind.INVALID_KEY, False, Kind.UPSTREAM_AUTH),
    (Kind.PERMISSION, False, Kind.UPSTREAM_AUTH),
    (Kind.PERMISSION, True, Kind.PERMISSION),
])  # fmt: skip
def test_a_refusal_of_our_key_is_ours(kind: Kind, expected: Kind, *, from_vendor: bool) -> None:
    sent = failure(kind, "words of sk-planted") if from_vendor else ApiError(kind, "words of sk-planted")
    got = TARGET.dialect.error(TARGET, kind.value.http, trailers(sent), b"")
    assert got.kind is expected
    assert ("sk-planted" in got.message) == from_vendor


@pytest.mark.parametrize("code", BY_CODE)
def test_a_status_of_another_server_has_a_kind(code: int) -> None:
    got = TARGET.dialect.error(TARGET, HTTP_STATUS[code], bare(code, "words"), b"")
    assert got.kind is BY_CODE[code]


def test_attempts_have_the_names_that_they_have_here() -> None:
    sent = told(Kind.UNAVAILABLE)
    sent.attempts = ("openai/x/a: overloaded", "openai/x/b: unavailable")
    got = TARGET.dialect.error(TARGET, 503, trailers(sent), b"")
    assert got.attempts == ("eu/openai/x/a: overloaded", "eu/openai/x/b: unavailable")


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_goes_as_it_is(*, stream: bool) -> None:
    before = REQUEST.SerializeToString()
    call = TARGET.dialect.encode(REQUEST, TARGET, stream=stream)
    sent = CompletionRequest.FromString(call.body)
    assert call.path == f"/parley.chat.v1.ChatService/{'Stream' if stream else 'Create'}Completion"
    assert (sent.model, sent.HasField("inference_timeout"), sent.stream_options.include_usage) == (
        "openai/gpt-4o", False, stream,
    )  # fmt: skip
    sent.model, sent.inference_timeout = REQUEST.model, 3
    sent.ClearField("stream_options")
    assert sent == REQUEST
    assert REQUEST.SerializeToString() == before
    assert call.headers == {}


def test_metadata_go_both_ways() -> None:
    heard: list[dict[str, str]] = []
    dialect = ParleyDialect().relaying({"x-parley-unsupported": "warn"}, lambda metadata: heard.append(dict(metadata)))
    assert dialect.encode(REQUEST, TARGET, stream=True).headers == {"x-parley-unsupported": "warn"}
    decode = dialect.decoder(REQUEST, TARGET, stream=True, content_type="")
    decode.feed(metadata_frame({"x-parley-dropped": "user"}))
    assert heard == [{"x-parley-dropped": "user"}]
    decode.feed(message_frame(CompletionChunk(id="a").SerializeToString()) + OK)
    assert decode.done
    assert heard[1]["grpc-status"] == "0"


def test_a_report_is_told_with_ones_own() -> None:
    report = Report(dropped=["a"], left_out=2)
    report.hear(
        {
            "x-parley-dropped": "b, c",
            "x-parley-emulated": "n",
            "x-parley-messages-left-out": "3",
            "x-parley-attempts": "v/m/a: unavailable, v/m/b",
            "x-parley-disobeyed": "guided_json",
            "x-other": "x",
        },
        "eu",
    )
    assert dict(report.headers()) == {
        "x-parley-dropped": "a, b, c",
        "x-parley-emulated": "n",
        "x-parley-messages-left-out": "5",
        "x-parley-attempts": "eu/v/m/a: unavailable, eu/v/m/b",
        "x-parley-disobeyed": "guided_json",
    }


def decoded(*frames: bytes, stream: bool = True) -> ApiError:
    decode = TARGET.dialect.decoder(REQUEST, TARGET, stream=stream, content_type="")
    try:
        for frame in frames:
            decode.feed(frame)
        decode.close()
    except ApiError as error:
        return error
    raise AssertionError("it ended well")


CHUNK = message_frame(CompletionChunk(id="a").SerializeToString())


@pytest.mark.parametrize(("frames", "kind"), [
    ((OK,), Kind.BAD_UPSTREAM),
    ((CHUNK,), Kind.STREAM_CUT),
    ((CHUNK, metadata_frame(bare(14, "Connection reset"))), Kind.STREAM_CUT),
    ((CHUNK, metadata_frame(bare(13, "RST_STREAM"))), Kind.STREAM_CUT),
    ((CHUNK, metadata_frame(bare(8, "Received message larger than max"))), Kind.RATE_LIMIT),
    ((CHUNK, metadata_frame(trailers(told(Kind.OVERLOADED)))), Kind.OVERLOADED),
    ((CHUNK, metadata_frame({"grpc-status": "nonsense"})), Kind.STREAM_CUT),
    ((b"\x01\0\0\0\0",), Kind.BAD_UPSTREAM),
    ((b"\x00\xff\xff\xff\xff",), Kind.BAD_UPSTREAM),
    ((b"\x80\0\0\0\x01x",), Kind.BAD_UPSTREAM),
    ((b"\x80\0\0\0\x01\xff",), Kind.BAD_UPSTREAM),
])  # fmt: skip
def test_an_end_that_is_none(frames: tuple[bytes, ...], kind: Kind) -> None:
    assert decoded(*frames).kind is kind


def test_content_that_a_chunk_has_no_form_for_is_not_lost_in_silence() -> None:
    part = ContentPart(image_url=ImageUrl(url="https://x/y.png"))
    answer = Completion(choices=[Choice(message=Message(content=[part]))])
    error = decoded(message_frame(answer.SerializeToString()), OK, stream=False)
    assert (error.kind, "image_url" in error.message) == (Kind.BAD_UPSTREAM, True)


def test_metadata_survive_whatever_their_text() -> None:
    metadata = as_metadata([("grpc-message", "a: b\r\nc % — é"), ("x-a", "b: c"), ("x-bin", b"\0\xff")])
    (frame,) = FrameParser().feed(metadata_frame(metadata))
    assert read_metadata(frame.payload) == metadata


def test_a_frame_has_a_limit() -> None:
    with pytest.raises(FrameError, match="larger"):
        list(FrameParser().feed(b"\0" + (LARGEST + 1).to_bytes(4, "big")))
