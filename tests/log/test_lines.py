import os
import re
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass

import pytest

from service.lines import Lines

FOR_EVER = 3600.0
"""Seconds: nothing is written by time."""


@dataclass(frozen=True, slots=True)
class Pipe:
    reading: int
    writing: int

    def until(self, end: bytes) -> bytes:
        """What comes, up to and with an end."""
        data = b""
        while not data.endswith(end):
            data += os.read(self.reading, 65536)
        return data


@pytest.fixture
def pipe() -> Generator[Pipe]:
    pipe = Pipe(*os.pipe())
    yield pipe
    for descriptor in (pipe.reading, pipe.writing):
        os.close(descriptor)


@pytest.fixture
def make(pipe: Pipe) -> Generator[Callable[..., Lines]]:
    made: list[Lines] = []

    def make(**settings: float) -> Lines:
        made.append(Lines(pipe.writing, lambda missing: b"missing %d\n" % missing, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for lines in made:
        lines.close()


def test_lines_come_in_order_after_a_while(pipe: Pipe, make: Callable[..., Lines]) -> None:
    lines = make(every=0.01)
    wanted = [b"line %d\n" % number for number in range(1000)]
    for line in wanted:
        lines.write(line)
    assert pipe.until(wanted[-1]) == b"".join(wanted)


def test_one_in_a_hurry_takes_those_before_it_along(pipe: Pipe, make: Callable[..., Lines]) -> None:
    lines = make(every=FOR_EVER)
    lines.write(b"first\n")
    lines.write(b"error\n", at_once=True)
    assert pipe.until(b"error\n") == b"first\nerror\n"


def test_what_is_left_at_the_end_is_written(pipe: Pipe, make: Callable[..., Lines]) -> None:
    lines = make(every=FOR_EVER)
    lines.write(b"last\n")
    lines.close()
    assert os.read(pipe.reading, 100) == b"last\n"


def test_a_reader_that_stopped_holds_nobody_up_and_nothing_is_lost_in_silence(
    pipe: Pipe, make: Callable[..., Lines]
) -> None:
    lines = make(every=0.0, most=1 << 20)
    line = b"x" * 999 + b"\n"
    for _ in range(5000):
        lines.write(line)
    # Not even the end is waited for.
    lines.close(within=0.0)
    came, missing = b"", 0
    while came.count(line) + missing < 5000:
        came += os.read(pipe.reading, 65536)
        missing = sum(int(number) for number in re.findall(rb"missing (\d+)\n", came))
    assert missing > 0
    assert came.count(line) + missing == 5000


def test_a_pipe_gets_whole_lines_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    done = threading.Event()

    def write(descriptor: int, data: bytes) -> int:
        written.append(bytes(data))
        if data.endswith(b"end\n"):
            done.set()
        return len(data)

    monkeypatch.setattr("service.lines.os.write", write)
    lines = Lines(0, lambda missing: b"", every=FOR_EVER)
    for number in range(100):
        lines.write(b"%d " % number * 60 + b"\n")
    lines.write(b"y" * 10000 + b"\n")
    lines.write(b"end\n", at_once=True)
    assert done.wait(10)
    lines.close()
    assert all(piece.endswith(b"\n") for piece in written)
    assert [len(piece) for piece in written if len(piece) > 4096] == [10001]
    assert len(written) < 20


def test_a_reader_that_has_gone_is_no_reason_to_fail(make: Callable[..., Lines], pipe: Pipe) -> None:
    gone = Pipe(*os.pipe())
    os.close(gone.reading)
    lines = Lines(gone.writing, lambda missing: b"", every=FOR_EVER)
    lines.write(b"nobody\n", at_once=True)
    lines.write(b"nobody\n", at_once=True)
    lines.close()
    os.close(gone.writing)
    # After the end, too.
    lines.write(b"nobody\n")
    assert lines._thread is not None  # type: ignore[reportPrivateUsage]
    assert not lines._thread.is_alive()  # type: ignore[reportPrivateUsage]


def test_a_line_after_a_quiet_time_is_written_too(pipe: Pipe, make: Callable[..., Lines]) -> None:
    lines = make(every=0.0)
    for line in (b"first\n", b"second\n", b"third\n"):
        lines.write(line)
        assert pipe.until(b"\n") == line
        while not lines._asleep:  # type: ignore[reportPrivateUsage]
            os.sched_yield()


def test_a_descriptor_that_does_not_block_loses_nothing(pipe: Pipe, make: Callable[..., Lines]) -> None:
    os.set_blocking(pipe.writing, False)
    lines = make(every=0.0)
    for _ in range(500):
        lines.write(b"z" * 999 + b"\n")
    lines.write(b"end\n", at_once=True)
    assert pipe.until(b"end\n").count(b"\n") == 501
