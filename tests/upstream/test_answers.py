"""Whatever a vendor answers: all that came is read, and only a whole answer ends cleanly."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from service.errors import ApiError, Kind
from tests import vendor as v
from tests.upstream.stage import Stage, read_all, staged
from tests.vendor import Ending, Script
from tests.vendor.script import Drip, Head, Send

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
EVENTS = (b"data: 1\n\n", b"data: 22\n\n", v.DONE)
BODY = b"".join(EVENTS)
TEXT = b'{"answer": "' + b"na " * 5000 + b'"}'


def scripted(head: bytes, *sends: bytes, ending: Ending = Ending.KEEP_ALIVE) -> Script:
    return Script((Head(head), *(Send(data) for data in sends)), ending=ending)


def encoded(encoding: str, body: bytes) -> Script:
    return v.raw(200, body, {"content-encoding": encoding})


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that ends well."""

    name: str
    script: Callable[[], Script]
    body: bytes
    status: int = 200


WHOLE = (
    Whole("length", lambda: v.raw(200, BODY, {}), BODY),
    Whole("length_of_nothing", lambda: v.raw(200, b"", {}), b""),
    Whole("chunks", lambda: v.stream(*EVENTS), BODY),
    Whole("no_chunk", v.stream, b""),
    Whole("chunks_by_bytes", lambda: v.drip(v.stream(*EVENTS)), BODY),
    Whole("length_by_bytes", lambda: v.drip(v.raw(200, BODY, {})), BODY),
    Whole("head_by_bytes", lambda: Script((Drip(OK + b"content-length: 2\r\n\r\nab"),)), b"ab"),
    Whole("until_close", lambda: scripted(OK + b"\r\n", BODY, ending=Ending.FIN), BODY),
    Whole("http_1_0", lambda: scripted(b"HTTP/1.0 200 OK\r\n\r\n", BODY, ending=Ending.FIN), BODY),
    Whole("trailer", lambda: scripted(CHUNKED, b"3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n"), b"abc"),
    Whole("chunk_extension", lambda: scripted(CHUNKED, b"3;a=b\r\nabc\r\n0\r\n\r\n"), b"abc"),
    Whole("no_content", lambda: scripted(b"HTTP/1.1 204 No Content\r\n\r\n"), b"", 204),
    Whole("no_reason", lambda: scripted(b"HTTP/1.1 529 \r\ncontent-length: 4\r\n\r\n", b"full"), b"full", 529),
    Whole("upgrade_offered", lambda: scripted(OK + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 1\r\n\r\n", b"a"), b"a"),
    Whole("continue", lambda: scripted(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 1\r\n\r\n", b"a"), b"a"),
    Whole("early_hints", lambda: scripted(b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n", CHUNKED, b"1\r\na\r\n0\r\n\r\n"), b"a"),
    Whole("large_headers", lambda: scripted(OK + b"x-a: " + b"a" * 30_000 + b"\r\n" + b"x-b: 1\r\n" * 200 + b"content-length: 1\r\n\r\na"), b"a"),
    Whole("head_and_body_in_one", lambda: scripted(OK + b"content-length: 3\r\n\r\nabc"), b"abc"),
    Whole("end_of_head_apart", lambda: Script((Head(OK + b"content-length: 3\r\n\r"), Send(b"\nabc"))), b"abc"),
    Whole("html", lambda: v.html(502, b"<html>"), b"<html>", 502),
    Whole("gzip", lambda: encoded("gzip", gzip.compress(TEXT)), TEXT),
    Whole("gzip_by_bytes", lambda: v.drip(encoded("gzip", gzip.compress(TEXT)), 7), TEXT),
    Whole("deflate", lambda: encoded("deflate", zlib.compress(TEXT)), TEXT),
    Whole("identity", lambda: encoded("identity", TEXT), TEXT),
)  # fmt: skip


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.name)
@staged
async def test_a_whole_answer_is_read_to_its_end(stage: Stage, case: Whole) -> None:
    stage.vendor.answer(case.script())
    response = await stage.send()
    outcome = await read_all(response)
    assert (outcome.status, outcome.body, outcome.error) == (case.status, case.body, None)


CUT = "closed the connection in the middle of its answer"
BROKE = "broke the framing of its answer"


@dataclass(frozen=True, slots=True)
class Broken:
    """An answer that ends badly after its head."""

    name: str
    script: Callable[[], Script]
    body: bytes
    problem: str


BROKEN = (
    Broken("cut_length", lambda: v.cut(v.raw(200, BODY, {}), 5), BODY[:5], CUT),
    Broken("cut_before_the_body", lambda: v.cut(v.stream(*EVENTS), 0), b"", CUT),
    Broken("no_last_chunk", lambda: v.cut(v.stream(*EVENTS), len(BODY) + 13), BODY, CUT),
    Broken("half_chunk", lambda: scripted(CHUNKED, b"1\r\na\r\n", b"5\r\nbc", ending=Ending.FIN), b"abc", CUT),
    Broken("reset_without_length", lambda: scripted(OK + b"\r\n", ending=Ending.RESET), b"", CUT),
    Broken("reset", lambda: v.cut(v.stream(*EVENTS), 0, reset=True), b"", CUT),
    Broken("wrong_chunk_length", lambda: v.wrong_chunk_length(*EVENTS[:2]), b"".join(EVENTS[:2]) + b"data:", BROKE),
    Broken("no_chunk_length", lambda: scripted(CHUNKED, b"1\r\na\r\nzz\r\n"), b"a", BROKE),
    Broken("gigantic_chunk", lambda: scripted(CHUNKED, b"1\r\na\r\n" + b"f" * 17 + b"\r\n"), b"a", BROKE),
    Broken("not_gzip", lambda: encoded("gzip", b"plain text"), b"", "broke the compression of its answer"),
    Broken("half_gzip", lambda: encoded("gzip", gzip.compress(BODY)[:-6]), BODY, "ended its compressed answer too soon"),
    Broken("endless_trailer", lambda: scripted(CHUNKED, b"1\r\na\r\n0\r\n", *[b"x-a: 1\r\n" * 512] * 64, ending=Ending.HANG), b"a",
           "sent frames without end"),
)  # fmt: skip


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
@staged
async def test_what_came_before_the_break_is_read_first(stage: Stage, case: Broken) -> None:
    stage.vendor.answer(case.script())
    outcome = await read_all(await stage.send())
    assert outcome.error is not None
    assert outcome.body == case.body
    assert (outcome.error.kind, outcome.error.retry_after) == (Kind.STREAM_CUT, None)
    stage.says(outcome.error, case.problem)
    await works(stage)


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
@pytest.mark.parametrize("whole", [v.raw(200, b"hello", {}), v.stream(b"hel", b"lo")], ids=["length", "chunks"])
@staged
async def test_no_cut_looks_like_an_end(stage: Stage, whole: Script, reset: bool) -> None:
    wire = sum(len(step.data) for step in whole.steps if isinstance(step, Send))
    for after in range(wire):
        stage.vendor.answer(v.cut(whole, after, reset=reset))
        outcome = await read_all(await stage.send())
        assert outcome.error is not None, after
        assert outcome.error.kind is Kind.STREAM_CUT
        assert b"hello".startswith(outcome.body)
        if not reset and len(whole.steps) == 2:
            assert len(outcome.body) == after


@dataclass(frozen=True, slots=True)
class Headless:
    """Something that is no answer."""

    name: str
    script: Callable[[], Script]
    problem: str


HEADLESS = (
    Headless("nothing", lambda: Script((), ending=Ending.FIN), "closed the connection before it answered"),
    Headless("reset", lambda: Script((), ending=Ending.RESET), "closed the connection before it answered"),
    Headless("half_a_head", lambda: scripted(OK + b"content-le", ending=Ending.FIN), "closed the connection before it answered"),
    Headless("only_continue", lambda: scripted(b"HTTP/1.1 100 Continue\r\n\r\n", ending=Ending.FIN), "closed the connection before it answered"),
    Headless("html", lambda: scripted(b"<html></html>"), "did not answer in HTTP"),
    Headless("bad_header", lambda: scripted(OK + b"a b: c\r\n\r\n"), "did not answer in HTTP"),
    Headless("two_lengths", lambda: scripted(OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab"), "did not answer in HTTP"),
    Headless("length_and_chunks", lambda: scripted(OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\na"), "did not answer in HTTP"),
    Headless("long_header", lambda: scripted(OK + b"x-a: " + b"a" * 100_000 + b"\r\ncontent-length: 0\r\n\r\n"), "sent headers without end"),
    Headless("many_headers", lambda: scripted(OK + b"x-a: 12345678\r\n" * 9000 + b"content-length: 0\r\n\r\n"), "sent headers without end"),
    Headless("endless_headers", lambda: Script((Head(OK), v.endless_event().steps[-1]), ending=Ending.HANG), "did not answer in HTTP"),
    Headless("endless_header", lambda: Script((Head(OK + b"x-a: "), *[Send(b"a" * 8192)] * 32), ending=Ending.HANG), "sent headers without end"),
    Headless("endless_continue", lambda: Script((Head(b"HTTP/1.1 100 Continue\r\n\r\n"), *[Send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)] * 99), ending=Ending.HANG),
             "sent headers without end"),
    Headless("switched", lambda: scripted(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), "changed to another protocol"),
    Headless("transfer_encoding", lambda: scripted(OK + b"transfer-encoding: gzip\r\n\r\n"), "used a transfer encoding other than chunked"),
    Headless("brotli", lambda: encoded("br", b"abc"), "compressed its answer in a way that was not asked for"),
)  # fmt: skip


@pytest.mark.parametrize("case", HEADLESS, ids=lambda case: case.name)
@staged
async def test_what_is_no_answer_is_told(stage: Stage, case: Headless) -> None:
    stage.vendor.answer(case.script())
    with pytest.raises(ApiError) as caught:
        await stage.send()
    assert caught.value.kind is Kind.BAD_UPSTREAM
    stage.says(caught.value, case.problem)
    assert len(stage.vendor.requests) == 1
    await works(stage)


@staged
async def test_headers_are_in_lower_case(stage: Stage) -> None:
    head = OK + b"Content-Type: text/plain\r\nX-Empty:\r\nX-Latin: caf\xe9\r\ncontent-length: 0\r\n\r\n"
    stage.vendor.answer(scripted(head))
    headers = (await stage.send()).headers
    assert headers["content-type"] == "text/plain"
    assert headers["x-empty"] == ""
    assert headers["x-latin"].startswith("caf")


async def works(stage: Stage) -> None:
    stage.vendor.answer(v.raw(200, b"fine", {}))
    assert (await read_all(await stage.send())).body == b"fine"
