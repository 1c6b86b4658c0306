"""What callers see when a process of Parley is killed or stops in mid-stream, and how soon it serves again."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass, replace

from tests.faults.paced import paced_model, paced_text
from tests.faults.processes import ENGINE, ENVOY, WORKER, find
from tests.faults.section import Run, Section, markdown_table
from tests.faults.seen import FACES, Ending, Face, Seen
from tests.faults.stage import Stage, staged
from tests.faults.table import still_serves
from tests.faults.verdict import Must, Promise, problems

_LOCAL = "local/smollm2-135m-instruct"
_STREAMS = 20
"""On each face."""
_AT_ONCE_S = 5.0
"""Seconds within which callers of a killed process are told."""
_NOTICED_S = 40.0
"""Seconds within which a process that answers no more is noticed, and its callers are told."""
_BACK_S = 60.0
"""Seconds within which it serves again."""
_FOR_EVER_S = 600.0


@dataclass(frozen=True, slots=True)
class Blow:
    """What is done to which process."""

    title: str
    part: str
    number: signal.Signals
    limit: float
    local: bool = False
    """Whether the streams are those of the embedded model."""


_BLOWS = (
    Blow("kill -9 of the worker", WORKER, signal.SIGKILL, _AT_ONCE_S),
    Blow("kill -9 of the engine", ENGINE, signal.SIGKILL, _AT_ONCE_S, local=True),
    Blow("kill -9 of Envoy", ENVOY, signal.SIGKILL, _AT_ONCE_S),
    Blow("SIGSTOP of the worker: it hangs", WORKER, signal.SIGSTOP, _NOTICED_S),
    Blow("SIGSTOP of Envoy: it hangs", ENVOY, signal.SIGSTOP, _NOTICED_S),
)


async def process_faults(run: Run) -> Section:
    """Every blow, one after the other, at one instance."""
    rows: list[tuple[object, ...]] = []
    found: list[str] = []
    async with staged(run.folder, local=True) as stage:
        for number, blow in enumerate(_BLOWS):
            run.say(blow.title)
            seen = await _struck(stage, blow, f"blow{number}", run.slack)
            text = "" if blow.local else paced_text(5, 8)
            found += [f"{blow.title}: {face.value}: {p}" for face, one in seen for p in _problems(blow, text, one)]
            back, tries = await _back(stage, blow)
            if back is None:
                found.append(f"{blow.title}: no whole answer within {_BACK_S:g} s afterwards")
            found += [f"{blow.title}: {problem}" for problem in await still_serves(stage)]
            told = {face: _words([one for other, one in seen if other is face]) for face in FACES}
            slowest = max(one.seconds for _, one in seen)
            served = "never" if back is None else f"{back:.1f} s ({tries} told to try again)"
            rows.append((blow.title, *(told[face] for face in FACES), f"{slowest:.2f} s", f"{blow.limit:g} s", served))
    head = ("what happened", *(face.value for face in FACES), "told within", "limit", "served again after")
    text = (
        f"{_STREAMS} streams on each face are in mid-answer, and {_STREAMS} unary calls wait on each, when it happens. "
        "None ends as if it were whole.\n\n" + markdown_table(head, rows)
    )
    return Section("A process that dies or hangs", text, tuple(found))


async def _struck(stage: Stage, blow: Blow, gate: str, slack: float) -> list[tuple[Face, Seen]]:
    """What the callers saw, in seconds since the blow; before it streams have begun and unary calls are with the vendor."""
    model = _LOCAL if blow.local else f"patient/{paced_model(5, 8, gate)}"
    faces = [face for face in FACES for _ in range(1 if blow.local else _STREAMS)]
    begun = [asyncio.Event() for _ in faces]
    ended: dict[int, float] = {}

    async def call(index: int, face: Face) -> Seen:
        async def pace() -> None:
            begun[index].set()

        seen = await stage.callers.call(face, model, _FOR_EVER_S, pace)
        ended[index] = time.monotonic()
        return seen

    calls = [asyncio.ensure_future(call(index, face)) for index, face in enumerate(faces)]
    async with asyncio.timeout(_BACK_S):
        await asyncio.gather(*(event.wait() for event, face in zip(begun, faces, strict=True) if face.streams))
        if not blow.local:
            await stage.vendor.live(len(faces))
    (pid,) = find(stage.parley.process.pid, blow.part)
    struck = time.monotonic()
    os.kill(pid, blow.number)
    await asyncio.wait(calls, timeout=blow.limit + slack)
    told: list[tuple[Face, Seen]] = []
    for index, (face, one) in enumerate(zip(faces, calls, strict=True)):
        if one.done():
            told.append((face, replace(one.result(), seconds=ended[index] - struck)))
        else:
            one.cancel()
            told.append((face, Seen(Ending.WAITING, "", blow.limit + slack)))
    await asyncio.gather(*calls, return_exceptions=True)
    return told


def _problems(blow: Blow, text: str, seen: Seen) -> list[str]:
    if blow.local:
        # A short answer may have been whole before it happened.
        whole = seen.ending is Ending.COMPLETE and seen.seconds > 0
        return ["a broken answer was told as complete"] if whole or seen.ending is Ending.WAITING else []
    return problems(Promise(Must.ERROR, text, blow.limit, cut_allowed=True), seen)


async def _back(stage: Stage, blow: Blow) -> tuple[float | None, int]:
    """Seconds until calls on every face were answered whole again, and how many calls were refused until then."""
    model = _LOCAL if blow.local else "patient/good"
    started, refused = time.monotonic(), 0

    async def back(face: Face) -> float | None:
        nonlocal refused
        while (begun := time.monotonic() - started) < _BACK_S:
            if (await stage.callers.call(face, model, _BACK_S)).ending is Ending.COMPLETE:
                return begun
            refused += 1
        return None

    times = await asyncio.gather(*map(back, FACES))
    return (None if None in times else max(filter(None, times), default=0.0)), refused


def _words(seen: list[Seen]) -> str:
    words = [str(one) if one.ending is Ending.ERROR else f"connection {one.ending.value}" for one in seen]
    return ", ".join(f"{words.count(word)} × {word}" for word in sorted(set(words)))
