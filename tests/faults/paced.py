"""Streams of any length, held at a gate, for what needs many of them at once."""

from tests.faults.fault import CHUNKED
from tests.faults.play import Gate, Play, Step
from tests.faults.wire import DONE, LAST_CHUNK, chunk, delta, usage

BEFORE = 3
"""Pieces that come before the gate."""


def paced_model(pieces: int, size: int, gate: str) -> str:
    """The name of the model whose answer has so many pieces of so many characters, the first ones before the gate."""
    return f"paced.{pieces}.{size}.{gate}"


def paced_play(parameters: tuple[str, ...]) -> Play:
    pieces, size, gate = int(parameters[0]), int(parameters[1]), parameters[2]
    steps: list[Step] = [CHUNKED, chunk(delta(role="assistant"))]
    for number in range(pieces):
        if number == BEFORE:
            steps.append(Gate(gate))
        steps.append(chunk(delta(piece(number, size))))
    return Play((*steps, chunk(delta(finish="stop")), chunk(usage()), chunk(DONE) + LAST_CHUNK))


def paced_text(pieces: int, size: int) -> str:
    """The whole of its content."""
    return "".join(piece(number, size) for number in range(pieces))


def piece(number: int, size: int) -> str:
    """One piece: its number, so that one lost, doubled or misplaced is seen, and what fills it up."""
    return f"{number:06d} ".ljust(size, "x")
