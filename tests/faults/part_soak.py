"""Hours in minutes: all that callers do, at the machine's capacity, and what the processes take meanwhile."""

import asyncio
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.faults.callers import Callers
from tests.faults.crowd import gathering
from tests.faults.fault import BEGUN_TEXT, TEXT
from tests.faults.processes import ENVOY, WORKER, descriptors, find, rss
from tests.faults.section import Run, Section, markdown_table
from tests.faults.seen import Ending, Face, Seen
from tests.faults.stage import staged
from tests.faults.table import still_serves
from tests.faults.verdict import Must, Promise, problems

_CALLERS = 48
"""At once: more than two cores can serve without a wait."""
_WARM_UP = 0.3
"""Share of the time after which memory has to be flat."""
_GROWTH = 0.05
_FILES_MORE = 16
"""Descriptors that come and go with the load."""
_INJECT = Path(__file__).parent / "inject"
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Habit:
    """What one kind of caller does."""

    face: Face
    model: str
    promise: Promise | None
    """None: it hangs up in mid-stream."""


def _told(text: str = "") -> Promise:
    return Promise(Must.ERROR, text, _PATIENCE_S)


_WHOLE = Promise(Must.COMPLETE, TEXT, _PATIENCE_S)
_HABITS = (
    *(Habit(face, "patient/good", _WHOLE) for face in (*Face, *Face, *Face)),
    Habit(Face.REST_STREAM, "patient/drip", _WHOLE),
    Habit(Face.GRPC_STREAM, "patient/drip", _WHOLE),
    Habit(Face.REST_STREAM, "patient/hang", None),
    Habit(Face.GRPC_STREAM, "patient/hang", None),
    Habit(Face.REST_UNARY, "patient/hang", None),
    Habit(Face.GRPC_UNARY, "patient/hang", None),
    *(
        Habit(face, f"patient/{name}", _told(text if face.streams else ""))
        for face in (Face.REST_STREAM, Face.GRPC_STREAM, Face.REST_UNARY, Face.GRPC_UNARY)
        for name, text in (
            ("reset", BEGUN_TEXT), ("close_in_chunk", BEGUN_TEXT), ("error_event", BEGUN_TEXT), ("status_503", ""),
            ("reset_after_request", ""), ("garbage", ""), ("html_200", ""), ("endless_headers", ""),
        )
    ),
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What was seen so far."""

    calls: Counter[str] = field(default_factory=Counter[str])
    problems: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process took at one moment."""

    at: float
    """Share of the time that was over."""
    rss: float
    files: int


async def soak(run: Run) -> Section:
    """The mix for `run.soak` seconds."""
    tasks = run.folder / "tasks"
    tasks.mkdir(parents=True, exist_ok=True)
    env = {"PYTHONPATH": str(_INJECT), "FAULT_TASKS": str(tasks)}
    async with staged(run.folder, env=env) as stage, gathering(stage, 500 * 2) as crowd:
        found = await still_serves(stage)
        pids = {"worker": find(stage.parley.process.pid, WORKER)[0], "Envoy": find(stage.parley.process.pid, ENVOY)[0]}
        idle_tasks = await _tasks(tasks, pids["worker"])
        samples: dict[str, list[Sample]] = {name: [] for name in pids}
        tally, started = Tally(), time.monotonic()
        callers = [
            asyncio.ensure_future(_live(client, habits, started + run.soak, tally))
            for client, habits in zip(itertools.cycle(crowd.clients), _turns(), strict=False)
        ]
        watching = asyncio.ensure_future(_watch(pids, samples, started, run))
        await asyncio.gather(*callers)
        watching.cancel()
        took = time.monotonic() - started
        found += await still_serves(stage)
        left_tasks = await _tasks(tasks, pids["worker"])
    found += [f"{count} × {problem}" for problem, count in tally.problems.most_common(10)]
    if left_tasks > idle_tasks:
        found.append(f"{left_tasks - idle_tasks} tasks were left behind")
    for name, series in samples.items():
        found += _grown(name, series)
    total = sum(tally.calls.values())
    outcomes = ", ".join(f"{count:,} {word}" for word, count in sorted(tally.calls.items()))
    text = (
        f"{total:,} calls in {took:.0f} s ({total / took:.0f} a second), {_CALLERS} at a time, on all faces: {outcomes}. "
        f"Tasks in the worker: {idle_tasks} when idle before, {left_tasks} when idle after. Flat means: the last fifth "
        f"of the time is at most {_GROWTH:.0%} above what it was at {_WARM_UP:.0%} of it.\n\n" + _table(samples)
    )
    return Section(f"A soak of {run.soak / 60:g} minutes", text, tuple(found))


def _turns() -> Iterator[Iterator[Habit]]:
    """For each caller all habits in turn, from another one on."""
    for number in range(_CALLERS):
        at = number * 7 % len(_HABITS)
        yield itertools.cycle((*_HABITS[at:], *_HABITS[:at]))


async def _live(client: Callers, habits: Iterator[Habit], until: float, tally: Tally) -> None:
    for habit in habits:
        if time.monotonic() >= until:
            return
        if habit.promise is None:
            await _hang_up(client, habit)
            tally.calls["hung up on"] += 1
            continue
        seen = await client.call(habit.face, habit.model, _PATIENCE_S)
        tally.calls["whole" if seen.ending is Ending.COMPLETE else "told as errors"] += 1
        for problem in problems(habit.promise, seen):
            tally.problems[f"{habit.face.value} {habit.model}: {problem}"] += 1


async def _hang_up(client: Callers, habit: Habit) -> None:
    """Leaves once a stream has begun; a unary call as soon as it is sent, whatever has come of it by then."""
    begun = asyncio.Event()

    async def pace() -> None:
        begun.set()

    call: asyncio.Task[Seen] = asyncio.create_task(client.call(habit.face, habit.model, _PATIENCE_S, pace))
    if habit.face.streams:
        await begun.wait()
    else:
        await asyncio.wait({call}, timeout=0.02)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def _watch(pids: dict[str, int], samples: dict[str, list[Sample]], started: float, run: Run) -> None:
    for second in itertools.count():
        await asyncio.sleep(1)
        share = (time.monotonic() - started) / run.soak
        for name, pid in pids.items():
            samples[name].append(Sample(share, rss(pid), descriptors(pid)))
        if second % 10 == 0:
            run.say(
                f"{share:.0%}: " + ", ".join(f"{name} {series[-1].rss:.0f} MiB" for name, series in samples.items())
            )


async def _tasks(folder: Path, pid: int) -> int:
    """How many tasks a worker has."""
    file = folder / f"{pid}.tasks"
    file.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR2)
    async with asyncio.timeout(_PATIENCE_S):
        while not file.exists():  # noqa: ASYNC110 (another process has no event to wait for)
            await asyncio.sleep(0.01)
    return int(file.read_text())


def _between(series: list[Sample], start: float, end: float, of: Callable[[Sample], float]) -> float:
    return median(of(sample) for sample in series if start <= sample.at < end)


def _grown(name: str, series: list[Sample]) -> list[str]:
    warm, last = _between(series, _WARM_UP, _WARM_UP + 0.2, _rss), _between(series, 0.8, 1.1, _rss)
    files_warm, files_last = _between(series, _WARM_UP, _WARM_UP + 0.2, _files), _between(series, 0.8, 1.1, _files)
    found: list[str] = []
    if last > warm * (1 + _GROWTH):
        found.append(f"{name} grew from {warm:.1f} to {last:.1f} MiB after its warm-up")
    if files_last > files_warm + _FILES_MORE:
        found.append(f"{name} has {files_last:.0f} descriptors open instead of {files_warm:.0f}")
    return found


def _rss(sample: Sample) -> float:
    return sample.rss


def _files(sample: Sample) -> float:
    return sample.files


def _table(samples: dict[str, list[Sample]]) -> str:
    spans = ((0.0, 0.1), (_WARM_UP, _WARM_UP + 0.2), (0.5, 0.7), (0.8, 1.1))
    head = (
        "process",
        *(f"RSS at {start:.0%}" for start, _ in spans),
        "growth after warm-up",
        "descriptors, warm",
        "and last",
    )
    rows: list[tuple[object, ...]] = []
    for name, series in samples.items():
        sizes = [_between(series, start, end, _rss) for start, end in spans]
        growth = sizes[-1] / sizes[1] - 1
        files = [f"{_between(series, *span, _files):.0f}" for span in (spans[1], spans[-1])]
        rows.append((name, *(f"{size:.1f} MiB" for size in sizes), f"{growth:+.1%}", *files))
    return markdown_table(head, rows)
