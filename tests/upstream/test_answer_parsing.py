"""An answer means the same however its bytes are split."""

from dataclasses import dataclass

import pytest

from service.upstream.http_answer import Answer
from service.upstream.http_limits import HttpLimits

LIMITS = HttpLimits()
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an answer at the end of its bytes."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool
    reusable: bool
    problem: str


def feed(pieces: list[bytes], *, in_order: bool = True) -> Told:
    answer = Answer(LIMITS)
    body = b""
    for piece in pieces:
        if answer.over:
            break
        answer.feed(piece)
        body += answer.take()
    answer.end(in_order=in_order)
    return Told(answer.status, answer.headers, body, answer.complete, answer.reusable, answer.problem)


WIRES = (
    OK + b"Content-Length: 5\r\nA: 1\r\na: 2\r\n\r\nhello",
    OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nt: r\r\n\r\n",
    OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhelX",
    OK + b"\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: <a>\r\n\r\n" + OK + b"content-length: 1\r\n\r\na",
    b"HTTP/1.0 500 No\r\ncontent-length: 1\r\n\r\na",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n",
    b"<html>",
)


@pytest.mark.parametrize("wire", WIRES, ids=range(len(WIRES)))
def test_splitting_changes_nothing(wire: bytes) -> None:
    whole = feed([wire])
    for size in (1, 2, 3, 7):
        assert feed([wire[at : at + size] for at in range(0, len(wire), size)]) == whole
    for at in range(1, len(wire)):
        assert feed([wire[:at], wire[at:]]) == whole


def test_repeated_headers_are_joined() -> None:
    assert feed([WIRES[0]]).headers == {"content-length": "5", "a": "1, 2"}


def test_interim_answers_leave_nothing_behind() -> None:
    told = feed([WIRES[4]])
    assert (told.status, told.headers, told.body) == (200, {"content-length": "1"}, b"a")


@pytest.mark.parametrize("wire", WIRES[:2], ids=["length", "chunks"])
def test_no_shorter_answer_is_whole(wire: bytes) -> None:
    for at in range(len(wire)):
        told = feed([wire[:at]] if at else [])
        assert not told.complete
        assert told.problem == "closed the connection"


def test_only_an_orderly_close_ends_a_body_without_length() -> None:
    assert feed([WIRES[3]]).complete
    assert feed([WIRES[3]], in_order=False).problem == "closed the connection"
    assert not feed([WIRES[3]]).reusable


def test_frames_are_counted_from_the_last_of_the_body() -> None:
    frame = b"1;" + b"x" * (LIMITS.framing * 2 // 3)
    wire = [OK + b"transfer-encoding: chunked\r\n\r\n", *[frame, b"\r\na\r\n"] * 3, b"0\r\n\r\n"]
    told = feed(wire)
    assert (told.body, told.complete, told.problem) == (b"aaa", True, "")
    assert feed([wire[0], frame, frame]).problem == "sent frames without end"


def test_nothing_is_kept_of_an_answer_that_is_not_read_any_more() -> None:
    answer = Answer(LIMITS)
    answer.feed(OK + b"content-length: 200000\r\n\r\nabc")
    answer.discard()
    answer.feed(b"a" * 150_000)
    assert (answer.buffered, answer.take()) == (0, b"")
    answer.feed(b"a" * 49_997)
    assert (answer.buffered, answer.take(), answer.complete, answer.reusable) == (0, b"", True, True)
