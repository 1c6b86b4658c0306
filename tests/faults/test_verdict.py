"""The judge of the fault suite is judged itself: each way of failing a caller is a failure."""

import pytest

from tests.faults.cut import came, lengths, parts, promise
from tests.faults.fault import BODY, TEXT, WHOLE
from tests.faults.play import Ending as Close
from tests.faults.reading import Reading
from tests.faults.seen import Ending, Face, Seen
from tests.faults.verdict import Must, Promise, disagreements, problems
from tests.faults.wire import DONE, Framing, delta, error, event

_WHOLE = Promise(Must.COMPLETE, "one two", 1.0)
_BROKEN = Promise(Must.ERROR, "one ", 1.0)


def _seen(ending: Ending, text: str = "", code: str = "", finish: str = "") -> Seen:
    return Seen(ending, text, 0.5, "200", code, finish)


@pytest.mark.parametrize(
    ("of", "seen"),
    [
        (_WHOLE, _seen(Ending.COMPLETE, "one two", finish="stop")),
        (_BROKEN, _seen(Ending.ERROR, "one ", "stream_interrupted")),
        (_BROKEN, _seen(Ending.ERROR, "", "stream_interrupted")),
        (Promise(Must.ERROR, "one ", 1.0, cut_allowed=True), _seen(Ending.CUT, "on")),
    ],
)
def test_what_is_right_is_no_problem(of: Promise, seen: Seen) -> None:
    assert problems(of, seen) == []


@pytest.mark.parametrize(
    ("of", "seen"),
    [
        (_WHOLE, _seen(Ending.COMPLETE, "one", finish="stop")),
        (_WHOLE, _seen(Ending.COMPLETE, "one two")),
        (_WHOLE, _seen(Ending.COMPLETE, "one twoone two", finish="stop")),
        (_WHOLE, _seen(Ending.ERROR, "one", "stream_interrupted")),
        (_BROKEN, _seen(Ending.COMPLETE, "one ", finish="stop")),
        (_BROKEN, _seen(Ending.ERROR, "one one ", "stream_interrupted")),
        (_BROKEN, _seen(Ending.ERROR, "one ")),
        (_BROKEN, _seen(Ending.ERROR, "one ", "internal_error")),
        (_BROKEN, _seen(Ending.CUT, "one ")),
        (_BROKEN, _seen(Ending.SILENT, "one ")),
        (_BROKEN, _seen(Ending.WAITING, "one ")),
        (_BROKEN, _seen(Ending.MALFORMED, "one ")),
    ],
)
def test_what_fails_a_caller_is_a_problem(of: Promise, seen: Seen) -> None:
    assert problems(of, seen)


def test_faces_that_differ_are_a_problem() -> None:
    rest, same = _seen(Ending.ERROR, "one", "bad_upstream"), _seen(Ending.ERROR, "one", "bad_upstream")
    other = _seen(Ending.ERROR, "one", "unavailable")
    assert disagreements({Face.REST_STREAM: rest, Face.GRPC_STREAM: same}) == []
    assert disagreements({Face.REST_STREAM: rest, Face.GRPC_STREAM: other})


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (delta("a", finish="stop") + DONE, Ending.COMPLETE),
        (delta("a", finish="stop"), Ending.SILENT),
        (b"", Ending.SILENT),
        (delta("a") + event(error(code="x")), Ending.ERROR),
        (b": keep-alive\n\n" + delta("a") + DONE, Ending.COMPLETE),
    ],
)
def test_a_stream_is_read_to_its_end(data: bytes, ending: Ending) -> None:
    for size in (1, 7, len(data) or 1):
        reading = Reading([])
        for at in range(0, len(data), size):
            reading.feed(data[at : at + size])
        assert reading.ending() is ending


@pytest.mark.parametrize(
    "data",
    [
        delta("a") + event(error(code="x")) + DONE,
        DONE + delta("a"),
        DONE + DONE,
        delta("a")[:-1],
        b"data: {\n\n",
        b"event: error\ndata: {}\n\n",
    ],
)
def test_what_is_not_in_the_protocol_is_noticed(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        _read(data)


def _read(data: bytes) -> Ending:
    reading = Reading([])
    reading.feed(data)
    return reading.ending()


@pytest.mark.parametrize("framing", Framing)
def test_only_the_end_mark_makes_a_cut_stream_whole(framing: Framing) -> None:
    body = parts("stream", framing)[1]
    ends = [
        after
        for after in lengths("stream", framing)
        if promise("stream", framing, after, Close.FIN).must is Must.EITHER
    ]
    assert ends[0] == body.index(b"[DONE]") + len("[DONE]")
    assert ends == list(range(ends[0], len(body) + 1))
    assert came(framing, len(body)) == len(TEXT)
    assert came(framing, 0) == 0


def test_only_all_of_it_makes_a_cut_answer_whole() -> None:
    for framing in Framing:
        *cut, whole = lengths("unary", framing)
        assert all(promise("unary", framing, after, Close.FIN).must is Must.ERROR for after in cut)
        assert promise("unary", framing, whole, Close.FIN).must is Must.COMPLETE
    assert BODY.endswith(DONE)
    assert WHOLE.endswith(b"}")
