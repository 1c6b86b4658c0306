"""Fifty reloads under load lose nothing, and a broken file among them changes nothing."""

import asyncio
import itertools
import signal
import time
from collections import Counter
from pathlib import Path
from typing import cast

from tests.faults.crowd import gathering, words
from tests.faults.fault import TEXT
from tests.faults.paced import paced_model, paced_text
from tests.faults.section import Run, Section
from tests.faults.seen import Ending, Face
from tests.faults.stage import Stage, configuration, staged
from tests.faults.table import still_serves
from tests.faults.verdict import Must, Promise, problems
from tests.variant import chosen

_RELOADS = 50
_BROKEN_AT = 25
"""After which reload a broken file is put in the way."""
_STREAMS = 40
_CALLERS = 8
_IN_A_ROW = 6
"""Answers by the new configuration that say that every worker has it: the edge spreads them over the workers."""
_LIMIT_S = 60.0


async def reloads(run: Run) -> Section:
    """Streams that outlive all reloads, callers that never pause, and a model that only the newest file has."""
    file = run.folder / "parley.yaml"
    async with staged(run.folder, workers=2) as stage, gathering(stage, _STREAMS) as crowd:
        found = await still_serves(stage)
        crowd.join(f"patient/{paced_model(10, 16, 'reload')}", _STREAMS)
        async with asyncio.timeout(_LIMIT_S):
            await crowd.all_begun()
        stop, tally, wrong = asyncio.Event(), Counter[str](), Counter[str]()
        load = [asyncio.ensure_future(_load(stage, face, stop, tally, wrong)) for face in _faces()]
        waits: list[float] = []
        for number in range(_RELOADS):
            if number == _BROKEN_AT:
                found += await _broken(stage, file, number - 1)
            waits.append(await _reload(stage, file, number))
            if number % 10 == 9:
                run.say(f"{number + 1} reloads, {sum(tally.values())} calls meanwhile")
        stop.set()
        await asyncio.gather(*load)
        await stage.vendor.open_gate("reload")
        async with asyncio.timeout(_LIMIT_S):
            seen = await asyncio.gather(*crowd.calls)
        found += await still_serves(stage)
        log = stage.parley.log.read_text()
    whole = Promise(Must.COMPLETE, paced_text(10, 16), _LIMIT_S)
    found += [problem for one in seen for problem in problems(whole, one)]
    found += [f"{count} × {problem}" for problem, count in wrong.most_common(5)]
    if "no_such_key" not in log:
        found.append("the log does not say what is wrong with the broken file")
    calls = ", ".join(f"{count:,} {word}" for word, count in tally.items())
    text = (
        f"{_RELOADS} reloads at 2 workers, each a new file and SIGHUP, and after the {_BROKEN_AT}th a broken one that "
        f"changed nothing. Calls meanwhile, {_CALLERS} at a time on all faces: {calls}. {_STREAMS} streams that began "
        f"before the first reload and ended after the last: {words(list(seen))}. The new configuration was served by "
        f"every worker after {sorted(waits)[len(waits) // 2]:.2f} s (the slowest: {max(waits):.2f} s)."
    )
    return Section(f"{_RELOADS} reloads under load", text, tuple(found))


def _faces() -> list[Face]:
    return list(itertools.islice(itertools.cycle(Face), _CALLERS))


async def _load(stage: Stage, face: Face, stop: asyncio.Event, tally: Counter[str], wrong: Counter[str]) -> None:
    promise = Promise(Must.COMPLETE, TEXT, _LIMIT_S)
    while not stop.is_set():
        seen = await stage.callers.call(face, "patient/good", _LIMIT_S)
        tally["whole" if seen.ending is Ending.COMPLETE else "not whole"] += 1
        for problem in problems(promise, seen):
            wrong[f"{face.value}: {problem}"] += 1


async def _reload(stage: Stage, file: Path, number: int) -> float:
    """Seconds until the model that only this configuration has is served by all."""
    config = configuration(stage.vendor, workers=2)
    models = cast("dict[str, object]", config["models"])
    models[f"patient/turn-{number}"] = {"model": "good", "retries": {"attempts": 0}}
    del models["patient/*"]
    models["patient/good"] = {"retries": {"attempts": 0}}
    _replace(file, chosen().text(config))
    started = time.monotonic()
    stage.parley.process.send_signal(signal.SIGHUP)
    row = 0
    async with asyncio.timeout(_LIMIT_S):
        while row < _IN_A_ROW:
            seen = await stage.callers.call(Face.REST_UNARY, f"patient/turn-{number}", _LIMIT_S)
            row = row + 1 if seen.ending is Ending.COMPLETE else 0
    return time.monotonic() - started


async def _broken(stage: Stage, file: Path, number: int) -> list[str]:
    """Puts a broken file in the way: what the last good one has is still served, once the log has told of it."""
    _replace(file, "no_such_key: 1\n")
    stage.parley.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(_LIMIT_S):
        while "no_such_key" not in stage.parley.log.read_text():
            await stage.vendor.count()
    seen = [await stage.callers.call(Face.REST_UNARY, f"patient/turn-{number}", _LIMIT_S) for _ in range(_IN_A_ROW)]
    return [f"after a broken file: {one}" for one in seen if one.ending is not Ending.COMPLETE]


def _replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    new.rename(file)
