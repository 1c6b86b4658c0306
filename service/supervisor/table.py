"""The processes of Parley: what is started, in which order, and when each counts as ready."""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.config import Config
from service.local import engine
from service.supervisor.probes import grpc_serves, http_serves
from service.supervisor.process import ProcessSpec

ENVOY = "envoy"
ENGINE = "engine"

_DRAIN_SLACK_S = 5.0
"""Seconds that a worker gets beyond its own limit before it is killed."""
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


class Edge(Protocol):
    """Envoy, as far as its process goes; the package gateway."""

    def command(self) -> tuple[str, ...]:
        """Its command line."""
        ...

    async def ready(self) -> bool: ...

    async def drain(self) -> None:
        """Asks it to take no new connections. OSError where it does not run."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """Stages of the start, and the order of the stop by name."""

    stages: tuple[tuple[ProcessSpec, ...], ...]
    stop_order: tuple[tuple[str, ...], ...]


def table(config: Config, *, config_path: Path | None, runtime_dir: Path, edge: Edge, weights: Path | None) -> Table:
    """The processes for a configuration.

    :param config_path: the file that the workers read; None: each has the default configuration.
    :param weights: the embedded model's file; None: its engine is not run.
    """
    engines = () if weights is None else (_engine(config, runtime_dir, weights),)
    workers = tuple(_worker(config, config_path, runtime_dir, index) for index in range(config.workers))
    envoy = ProcessSpec(name=ENVOY, argv=edge.command(), ready=edge.ready, stop_within_s=5.0)
    return Table(
        stages=((*engines, *workers), (envoy,)),
        # The workers finish their streams while Envoy and the engine still carry them.
        stop_order=(
            tuple(spec.name for spec in workers),
            (ENVOY,),
            tuple(spec.name for spec in engines),
        ),
    )


def _engine(config: Config, runtime_dir: Path, weights: Path) -> ProcessSpec:
    options = engine.EngineOptions(
        weights=weights,
        socket=runtime_dir / engine.SOCKET,
        context=config.local.context,
        slots=config.local.slots,
        threads=config.local.threads,
    )
    return ProcessSpec(
        name=ENGINE,
        argv=engine.command(options),
        env=_UNBUFFERED,
        ready=functools.partial(http_serves, options.socket, "/health"),
        # Someone's own weights may be large, and on a slow disk.
        ready_within_s=300.0,
        stop_within_s=5.0,
        # The other vendors' models do not need it.
        critical=False,
    )


def _worker(config: Config, config_path: Path | None, runtime_dir: Path, index: int) -> ProcessSpec:
    where = ("--runtime-dir", str(runtime_dir), "--index", str(index))
    file = () if config_path is None else ("--config", str(config_path))
    return ProcessSpec(
        name=f"worker-{index}",
        argv=(sys.executable, "-m", "service.worker", *where, *file),
        env=_UNBUFFERED,
        ready=functools.partial(grpc_serves, runtime_dir / f"worker-{index}.sock"),
        stop_within_s=config.drain + _DRAIN_SLACK_S,
    )
