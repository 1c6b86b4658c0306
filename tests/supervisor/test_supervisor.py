import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from service.supervisor.process import ProcessSpec, StartError
from service.supervisor.supervisor import Supervisor
from tests.supervisor.stage import LIMIT_S, Stage, gone


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def nothing() -> None:
    return


def supervisor(
    stage: Stage, *stages: list[ProcessSpec], before_stop: Callable[[], Awaitable[None]] = nothing
) -> Supervisor:
    """Stops in the order workers, edge, engine; only those that there are."""
    names = [spec.name for specs in stages for spec in specs]
    groups = [[name for name in names if name.startswith(kind)] for kind in ("worker", "edge", "engine")]
    return Supervisor(stages, stop_order=groups, before_stop=before_stop, report=stage.report, relay=stage.relay)


async def test_stages_start_in_order_and_stop_in_an_order_of_their_own(stage: Stage) -> None:
    async def drain() -> None:
        with stage.journal.open("a") as journal:
            journal.write("edge drains\n")

    subject = supervisor(
        stage,
        [stage.actor("engine")],
        [stage.actor("worker-0"), stage.actor("worker-1")],
        [stage.actor("edge")],
        before_stop=drain,
    )
    await subject.start()
    started = stage.events()
    await subject.stop()
    stopped = stage.events()[len(started) :]
    assert started[:2] == ["engine up", "engine ready"]
    assert sorted(started[2:6]) == ["worker-0 ready", "worker-0 up", "worker-1 ready", "worker-1 up"]
    assert started[6:] == ["edge up", "edge ready"]
    assert stopped[0] == "edge drains"
    assert sorted(stopped[1:5]) == ["worker-0 asked", "worker-0 down", "worker-1 asked", "worker-1 down"]
    assert stopped[5:] == ["edge asked", "edge down", "engine asked", "engine down"]


async def test_those_of_a_stage_start_together(stage: Stage) -> None:
    # Each is ready only once the other is there.
    fifo = stage.folder / "fifo"
    os.mkfifo(fifo)
    workers = [stage.actor(f"worker-{index}", "--meet", str(fifo)) for index in range(2)]
    subject = supervisor(stage, workers)
    async with asyncio.timeout(LIMIT_S):
        await subject.start()
    await subject.stop()


async def test_those_of_a_group_stop_together(stage: Stage) -> None:
    subject = supervisor(
        stage, [stage.actor(f"worker-{index}", "--stubborn", stop_within_s=3600) for index in range(2)]
    )
    await subject.start()
    stopping = asyncio.create_task(subject.stop())
    async with asyncio.timeout(LIMIT_S):
        for name in ("worker-0", "worker-1"):
            await stage.hears(name, "asked")
        subject.hurry()
        await stopping


async def test_a_failed_start_leaves_nothing_running_once_stopped(stage: Stage) -> None:
    async def drain() -> None:
        pytest.fail("nothing was up that could drain")

    subject = supervisor(
        stage,
        [stage.actor("engine")],
        [stage.actor("worker-0", "--exit", "2", say=["listen: not an address"]), stage.actor("worker-1")],
        [stage.actor("edge")],
        before_stop=drain,
    )
    with pytest.raises(StartError, match=r"(?s)worker-0 exited with code 2 .*listen: not an address"):
        await subject.start()
    await subject.stop()
    assert "edge up" not in stage.events()
    for name in ("engine", "worker-0", "worker-1"):
        if (pid := subject.pid(name)) is not None:
            await gone(pid)


async def test_a_cancelled_start_can_be_stopped(stage: Stage) -> None:
    fifo = stage.folder / "fifo"
    os.mkfifo(fifo)
    subject = supervisor(stage, [stage.actor("engine")], [stage.actor("worker-0", "--meet", str(fifo), say=["here"])])
    starting = asyncio.create_task(subject.start())
    await stage.hears("worker-0", "here")
    starting.cancel()
    await asyncio.wait({starting})
    await subject.stop()
    assert starting.cancelled()
    assert "engine down" in stage.events()
    pid = subject.pid("worker-0")
    assert pid is not None
    await gone(pid)


async def test_a_drain_that_cannot_be_asked_for_is_no_obstacle(stage: Stage) -> None:
    async def drain() -> None:
        raise ConnectionRefusedError

    subject = supervisor(stage, [stage.actor("edge")], before_stop=drain)
    await subject.start()
    await subject.stop()
    assert "edge down" in stage.events()


def test_the_stop_order_names_each_process_once(stage: Stage) -> None:
    with pytest.raises(ValueError, match="each process once"):
        Supervisor(
            [[stage.actor("a")]], stop_order=[["a"], ["a"]], before_stop=nothing, report=stage.report, relay=stage.relay
        )
