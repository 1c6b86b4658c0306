import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.config import Config, Local
from service.config.values import Address
from service.supervisor.source import Candidate, Source
from service.supervisor.table import Edge, table
from service.supervisor.up import EXIT_FAILED, EXIT_STOPPED, up
from tests.supervisor.stage import ACTOR, LIMIT_S, Stage

REMOTE = """
listen: 127.0.0.1:8080
drain: 5s
watchdog: {interval: 100ms, limit: 2s}
vendors: {near: {dialect: openai, base_url: 'http://127.0.0.1:9/v1'}}
models: {near/by: {}}
"""
"""No embedded model."""


@dataclass(slots=True)
class ActorEdge:
    """In Envoy's place, because Envoy has tests of its own."""

    stage: Stage
    options: tuple[str, ...] = ()
    drained: bool = False
    made: list[tuple[Address, Path, int]] = field(default_factory=list[tuple[Address, Path, int]])

    def make(self, start: Candidate, listen: Address, runtime_dir: Path) -> Edge:
        self.made.append((listen, runtime_dir, start.workers))
        return self

    def command(self) -> tuple[str, ...]:
        ready = str(self.stage.folder / "ready")
        return (sys.executable, str(ACTOR), "envoy", str(self.stage.journal), "--ready", ready, *self.options)

    async def ready(self) -> bool:
        return (self.stage.folder / "ready").exists()

    async def answers(self) -> bool:
        return True

    async def drain(self) -> None:
        self.drained = True


@dataclass(frozen=True, slots=True)
class Ear:
    """What `up` says."""

    announced: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def announce(self, text: str) -> None:
        self.announced.append(text)
        self.ready.set()


@pytest.fixture
def edge(tmp_path: Path) -> ActorEdge:
    return ActorEdge(Stage(tmp_path))


async def run(
    config: str,
    edge: ActorEdge,
    ear: Ear,
    once_ready: Callable[[], None],
    tmp_path: Path,
    *,
    port: int = 0,
    workers: int | None = None,
) -> int:
    file = tmp_path / "parley.yaml"
    file.write_text(config)
    source = Source(file, port, workers)
    running = asyncio.create_task(
        up(source, announce=ear.announce, progress=ear.said.append, make_edge=edge.make, log=None)
    )
    ready = asyncio.create_task(ear.ready.wait())
    async with asyncio.timeout(3 * LIMIT_S):
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            once_ready()
        ready.cancel()
        return await running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_announces_itself_when_all_is_ready_and_a_signal_stops_it(
    tmp_path: Path, edge: ActorEdge, number: signal.Signals
) -> None:
    ear = Ear()
    assert await run(REMOTE, edge, ear, lambda: os.kill(os.getpid(), number), tmp_path, workers=2) == EXIT_STOPPED
    listen, runtime_dir, workers = edge.made[0]
    assert f"http://127.0.0.1:{listen.port}/v1/chat/completions" in ear.announced[0]
    assert workers == 2
    assert any(line.startswith("worker-1 | ") for line in ear.said)
    assert edge.drained
    assert edge.stage.events() == ["envoy up", "envoy ready", "envoy asked", "envoy down"]
    assert not runtime_dir.exists()
    assert ear.said[-1] == "stopped"


async def test_a_second_signal_stops_it_at_once(tmp_path: Path, edge: ActorEdge) -> None:
    ear = Ear()
    edge.options = ("--stubborn",)

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)

    assert await run(REMOTE, edge, ear, twice, tmp_path) == EXIT_STOPPED
    assert "envoy: stopped (killed at once)" in ear.said


async def test_a_start_that_fails_is_told_and_cleaned_up(tmp_path: Path, edge: ActorEdge) -> None:
    ear = Ear()
    edge.options = ("--exit", "1", "--say", '["bad listener"]')
    assert await run(REMOTE, edge, ear, lambda: None, tmp_path) == EXIT_FAILED
    assert not ear.announced
    assert "envoy exited with code 1" in ear.said[-1]
    assert "bad listener" in ear.said[-1]
    assert not edge.made[0][1].exists()


async def test_a_port_in_use_starts_nothing(tmp_path: Path, edge: ActorEdge) -> None:
    ear = Ear()
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        assert await run(REMOTE, edge, ear, lambda: None, tmp_path, port=port) == EXIT_FAILED
    assert f"127.0.0.1:{port} is in use" in ear.said[-1]
    assert not edge.made


async def test_weights_that_are_not_there_start_nothing(tmp_path: Path, edge: ActorEdge) -> None:
    ear = Ear()
    assert await run(f"local: {{weights: {tmp_path}/none.gguf}}", edge, ear, lambda: None, tmp_path) == EXIT_FAILED
    assert "there is no file" in ear.said[-1]
    assert not edge.made


def test_the_engine_is_run_only_for_the_embedded_model(tmp_path: Path, edge: ActorEdge) -> None:
    config = Config(local=Local(slots=2, threads=3, context=4096))
    alone = table(config, workers=2, runtime_dir=tmp_path, edge=edge, weights=None)
    assert [[spec.name for spec in stage] for stage in alone.stages] == [["worker-0", "worker-1"], ["envoy"]]
    both = table(config, workers=2, runtime_dir=tmp_path, edge=edge, weights=tmp_path / "w.gguf")
    engine = both.stages[0][0]
    assert engine.name == "engine"
    words = " ".join(engine.argv)
    for option in ("--slots 2", "--threads 3", "--context 4096", f"--weights {tmp_path}/w.gguf"):
        assert option in words
    assert both.stop_order == (("worker-0", "worker-1"), ("envoy",), ("engine",))
    assert not engine.critical


def test_every_process_can_be_asked_whether_it_hangs(tmp_path: Path, edge: ActorEdge) -> None:
    processes = table(Config(), workers=2, runtime_dir=tmp_path, edge=edge, weights=tmp_path / "w.gguf")
    assert all(spec.answers is not None for stage in processes.stages for spec in stage)
