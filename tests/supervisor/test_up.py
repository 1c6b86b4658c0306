import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.config import Config, Local, Model, Vendor
from service.config.values import Address
from service.supervisor.table import Edge, table
from service.supervisor.up import EXIT_FAILED, EXIT_STOPPED, up
from tests.supervisor.stage import ACTOR, LIMIT_S, Stage
from tests.vendor import unused_port

REMOTE = Config(
    listen=Address("127.0.0.1", 0),
    drain=5,
    vendors={"near": Vendor(dialect="openai", base_url="http://127.0.0.1:9/v1")},
    models={"near/by": Model()},
)
"""No embedded model."""


@dataclass(slots=True)
class ActorEdge:
    """In Envoy's place, because Envoy has tests of its own."""

    stage: Stage
    options: tuple[str, ...] = ()
    drained: bool = False
    made: list[tuple[Address, Path, int]] = field(default_factory=list[tuple[Address, Path, int]])

    def make(self, listen: Address, runtime_dir: Path, workers: int) -> Edge:
        self.made.append((listen, runtime_dir, workers))
        return self

    def command(self) -> tuple[str, ...]:
        ready = str(self.stage.folder / "ready")
        return (sys.executable, str(ACTOR), "envoy", str(self.stage.journal), "--ready", ready, *self.options)

    async def ready(self) -> bool:
        return (self.stage.folder / "ready").exists()

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


async def run(config: Config, edge: ActorEdge, ear: Ear, once_ready: Callable[[], None], tmp_path: Path) -> int:
    file = tmp_path / "parley.yaml"
    file.write_text(
        "vendors: {near: {dialect: openai, base_url: 'http://127.0.0.1:9/v1'}}\nmodels: {near/by: {}}\ndrain: 5s\n"
    )
    running = asyncio.create_task(
        up(config, config_path=file, announce=ear.announce, progress=ear.said.append, make_edge=edge.make)
    )
    ready = asyncio.create_task(ear.ready.wait())
    async with asyncio.timeout(3 * LIMIT_S):
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            once_ready()
        ready.cancel()
        return await running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_announces_itself_when_all_is_ready_and_a_signal_stops_it(
    tmp_path: Path, edge: ActorEdge, number: signal.Signals
) -> None:
    ear = Ear()
    config = REMOTE.model_copy(update={"workers": 2})
    assert await run(config, edge, ear, lambda: os.kill(os.getpid(), number), tmp_path) == EXIT_STOPPED
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
        taken = REMOTE.model_copy(update={"listen": Address("127.0.0.1", port)})
        assert await run(taken, edge, ear, lambda: None, tmp_path) == EXIT_FAILED
    assert f"127.0.0.1:{port} is in use" in ear.said[-1]
    assert not edge.made


async def test_weights_that_are_not_there_start_nothing(tmp_path: Path, edge: ActorEdge) -> None:
    ear = Ear()
    config = Config(listen=Address("127.0.0.1", unused_port()), local=Local(weights=tmp_path / "none.gguf"))
    assert await run(config, edge, ear, lambda: None, tmp_path) == EXIT_FAILED
    assert "there is no file" in ear.said[-1]
    assert not edge.made


def test_the_engine_is_run_only_for_the_embedded_model(tmp_path: Path, edge: ActorEdge) -> None:
    config = Config(local=Local(slots=2, threads=3, context=4096), workers=2)
    alone = table(config, config_path=None, runtime_dir=tmp_path, edge=edge, weights=None)
    assert [[spec.name for spec in stage] for stage in alone.stages] == [["worker-0", "worker-1"], ["envoy"]]
    both = table(config, config_path=None, runtime_dir=tmp_path, edge=edge, weights=tmp_path / "w.gguf")
    engine = both.stages[0][0]
    assert engine.name == "engine"
    words = " ".join(engine.argv)
    for option in ("--slots 2", "--threads 3", "--context 4096", f"--weights {tmp_path}/w.gguf"):
        assert option in words
    assert both.stop_order == (("worker-0", "worker-1"), ("envoy",), ("engine",))
    assert not engine.critical
