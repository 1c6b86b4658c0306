"""Cuts an answer after every one of its bytes and judges what the callers saw."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults.cut import came, cut_model, lengths, promise
from tests.faults.play import Ending
from tests.faults.seen import Ending as Told
from tests.faults.seen import Face, Seen
from tests.faults.stage import Stage
from tests.faults.verdict import problems
from tests.faults.wire import Framing

AT_ONCE = 24
_FACES = {"stream": (Face.REST_STREAM, Face.GRPC_STREAM), "unary": (Face.REST_UNARY, Face.GRPC_UNARY)}


@dataclass(frozen=True, slots=True)
class Cut:
    """One answer that stops after so many bytes, as one caller saw it."""

    kind: str
    framing: Framing
    ending: Ending
    after: int
    face: Face
    seen: Seen
    problems: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Characters that were sent in whole events and did not reach the caller."""
        return max(0, came(self.framing, self.after) - len(self.seen.text)) if self.kind == "stream" else 0


async def cut_everywhere(
    stage: Stage, *, step: int, slack: float, say: Callable[[str], None] = lambda line: None
) -> list[Cut]:
    """Every cut, on both faces.

    :param step: 1 for every byte, n for every nth.
    :param slack: seconds that a caller waits beyond the deadline.
    """
    pending = iter(list(_cuts(step)))
    cuts: list[Cut] = []

    async def work() -> None:
        for kind, framing, ending, after, face in pending:
            expected = promise(kind, framing, after, ending)
            model = f"faulty/{cut_model(kind, framing, after, ending)}"
            seen = await stage.callers.call(face, model, expected.limit + slack)
            found = problems(expected, seen)
            cuts.append(Cut(kind, framing, ending, after, face, seen, tuple(found)))
            if len(cuts) % 1000 == 0:
                say(f"{len(cuts)} answers cut")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return cuts


def told_as(cuts: list[Cut]) -> dict[str, int]:
    """How many were told how."""
    words = [str(cut.seen) if cut.seen.ending is Told.ERROR else cut.seen.ending.value for cut in cuts]
    return {word: words.count(word) for word in sorted(set(words))}


def _cuts(step: int) -> Iterator[tuple[str, Framing, Ending, int, Face]]:
    for kind, faces in _FACES.items():
        for framing in Framing:
            for ending in (Ending.FIN, Ending.RESET):
                for after in (*lengths(kind, framing)[::step], lengths(kind, framing)[-1]):
                    for face in faces:
                        yield kind, framing, ending, after, face
