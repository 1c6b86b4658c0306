import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from service.supervisor.backoff import Backoff
from service.supervisor.process import Process, ProcessSpec, StartError, State
from service.supervisor.watchdog import Watchdog
from tests.supervisor.stage import LIMIT_S, Stage, gone, lives

EVEN = Backoff(first_s=1, limit_s=16, spread=0, stable_after_s=60, give_up_after=4)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


class Time:
    """A clock that a test moves, and waits that are only written down."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    async def delay(self, seconds: float) -> None:
        self.waits.append(seconds)


@asynccontextmanager
async def running(stage: Stage, spec: ProcessSpec, time: Time | None = None) -> AsyncGenerator[Process]:
    time = time or Time()
    process = Process(
        spec,
        report=stage.report,
        relay=stage.relay,
        backoff=EVEN,
        watchdog=Watchdog(interval_s=0.01, limit_s=0.1),
        clock=time.clock,
        delay=time.delay,
    )
    try:
        await process.start()
        yield process
    finally:
        at_once = asyncio.Event()
        at_once.set()
        await process.stop(at_once)


def pid(process: Process) -> int:
    assert process.pid is not None
    return process.pid


async def crash(stage: Stage, process: Process, times: int) -> None:
    """Kills it and returns when it is ready again, for the so-manieth time in all."""
    (stage.folder / "a.ready").unlink()
    os.kill(pid(process), signal.SIGKILL)
    await stage.reaches("a", State.READY, times)


async def test_a_process_is_started_when_it_is_ready_and_stopped_by_sigterm(stage: Stage) -> None:
    async with running(stage, stage.actor("a")) as process:
        assert stage.events() == ["a up", "a ready"]
        await process.stop(asyncio.Event())
    assert stage.events() == ["a up", "a ready", "a asked", "a down"]
    assert stage.states("a") == [State.STARTING, State.READY, State.STOPPED]


async def test_what_it_prints_is_passed_on_line_by_line(stage: Stage) -> None:
    long = "x" * 100_000
    async with running(stage, stage.actor("a", say=["one", long, "Grüße"])):
        await stage.hears("a", "Grüße")
        lines = list(stage.lines)
    assert {name for name, _ in lines} == {"a"}
    said = [line for _, line in lines]
    assert (said[0], "".join(said[1:-1]), said[-1]) == ("one", long, "Grüße")


def exits(stage: Stage) -> ProcessSpec:
    return stage.actor("a", "--exit", "3", say=["no key"])


def never_ready(stage: Stage) -> ProcessSpec:
    fifo = stage.folder / "fifo"
    os.mkfifo(fifo)
    return stage.actor("a", "--meet", str(fifo), say=["hm"], ready_within_s=0.5)


def no_program(stage: Stage) -> ProcessSpec:
    return replace(stage.actor("a"), argv=("no-such-program",))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (exits, ["a exited with code 3", "no key"]),
        (never_ready, ["was not ready within 0.5 s", "hm"]),
        (no_program, ["a exited with code 127", "cannot run no-such-program: No such file"]),
    ],
)
async def test_a_start_that_fails_says_why_with_the_last_output(
    stage: Stage, change: Callable[[Stage], ProcessSpec], says: list[str]
) -> None:
    with pytest.raises(StartError) as caught:
        async with running(stage, change(stage)):
            pytest.fail("it started")
    for part in says:
        assert part in str(caught.value)
    assert State.READY not in stage.states("a")


async def test_a_process_that_dies_is_started_again_after_waits_that_double(stage: Stage) -> None:
    time = Time()
    async with running(stage, stage.actor("a"), time) as process:
        for times in (2, 3, 4):
            await crash(stage, process, times)
    assert time.waits == [1, 2, 4]
    assert stage.states("a")[:5] == [State.STARTING, State.READY, State.EXITED, State.RESTARTING, State.STARTING]
    assert "was ended by SIGKILL" in [change.detail for change in stage.changes]


async def test_the_waits_begin_anew_once_it_was_stable(stage: Stage) -> None:
    time = Time()
    async with running(stage, stage.actor("a"), time) as process:
        await crash(stage, process, 2)
        await crash(stage, process, 3)
        time.now += EVEN.stable_after_s
        await crash(stage, process, 4)
    assert time.waits == [1, 2, 1]


async def test_a_critical_process_that_fails_in_a_row_is_given_up(stage: Stage) -> None:
    time = Time()
    spec = stage.actor("a")
    async with running(stage, spec, time) as process:
        # From now on it cannot even be started.
        process.spec = replace(spec, argv=("no-such-program",))
        os.kill(pid(process), signal.SIGKILL)
        async with asyncio.timeout(LIMIT_S):
            assert await process.gave_up() == "a"
    assert time.waits == [1, 2, 4]
    assert stage.states("a")[-1] == State.GAVE_UP


async def test_another_is_started_again_for_ever(stage: Stage) -> None:
    time = Time()
    async with running(stage, stage.actor("a", critical=False), time) as process:
        for times in range(2, EVEN.give_up_after + 4):
            await crash(stage, process, times)
    assert time.waits == [1, 2, 4, 8, 16, 16]


async def test_one_that_ignores_sigterm_is_killed_after_its_limit(stage: Stage) -> None:
    async with running(stage, stage.actor("a", "--stubborn", stop_within_s=0.3)) as process:
        await process.stop(asyncio.Event())
        await gone(pid(process))
    assert stage.events("asked", "down") == ["a asked"]
    assert stage.changes[-1].detail == "killed after 0.3 s"


async def test_hurry_kills_at_once(stage: Stage) -> None:
    hurry = asyncio.Event()
    async with running(stage, stage.actor("a", "--stubborn", stop_within_s=3600)) as process:
        stopping = asyncio.create_task(process.stop(hurry))
        await asyncio.sleep(0)
        hurry.set()
        async with asyncio.timeout(LIMIT_S):
            await stopping
    assert stage.changes[-1].detail == "killed at once"


async def test_what_it_started_dies_with_it(stage: Stage) -> None:
    heir = stage.folder / "heir"
    async with running(stage, stage.actor("a", "--heir", str(heir))) as process:
        first = int(heir.read_text())
        await crash(stage, process, 2)
        await gone(first)
        second = int(heir.read_text())
        assert second != first
    await gone(second)


async def test_the_terminals_signals_do_not_reach_it(stage: Stage) -> None:
    async with running(stage, stage.actor("a")) as process:
        assert os.getpgid(pid(process)) != os.getpgid(0)
        assert os.getsid(pid(process)) != os.getsid(0)


async def test_stopping_one_that_waits_to_be_restarted_starts_nothing(stage: Stage) -> None:
    waiting = asyncio.Event()

    class Long(Time):
        async def delay(self, seconds: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

    async with running(stage, stage.actor("a"), Long()) as process:
        os.kill(pid(process), signal.SIGKILL)
        await waiting.wait()
        await process.stop(asyncio.Event())
    assert stage.events("up") == ["a up"]


async def test_one_that_runs_but_does_not_answer_is_killed_and_started_again(stage: Stage) -> None:
    hangs = False

    async def answers() -> bool:
        if hangs:
            await asyncio.Event().wait()
        return True

    async with running(stage, replace(stage.actor("a", "--stubborn"), answers=answers)) as process:
        first = pid(process)
        (stage.folder / "a.ready").unlink()
        hangs = True
        await stage.reaches("a", State.RESTARTING)
        hangs = False
        await stage.reaches("a", State.READY, 2)
        assert pid(process) != first
        assert not lives(first)
        facts = process.facts()
        assert (facts.state, facts.restarts, facts.pid) == ("ready", 1, pid(process))
    exits = [change.detail for change in stage.changes if change.state is State.EXITED]
    assert exits == ["did not answer for 0.1 s and was killed"]


async def test_one_that_is_asked_and_dies_is_told_by_its_end(stage: Stage) -> None:
    async def answers() -> bool:
        return True

    async with running(stage, replace(stage.actor("a"), answers=answers)) as process:
        await crash(stage, process, 2)
    exits = [change.detail for change in stage.changes if change.state is State.EXITED]
    assert exits == ["was ended by SIGKILL"]
