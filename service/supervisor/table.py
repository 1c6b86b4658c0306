"""The processes of Parley: what is started, in which order, and when each counts as ready."""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.config import Config
from service.local import engine
from service.supervisor.probes import grpc_answers, grpc_serves, http_answers, http_serves
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

    async def answers(self) -> bool:
        """Whether it answers at all; waits for that without end."""
        ...

    async def drain(self) -> None:
        """Asks it to take no new connections. OSError where it does not run."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """Stages of the start, and the order of the stop by name."""

    stages: tuple[tuple[ProcessSpec, ...], ...]
    stop_order: tuple[tuple[str, ...], ...]


def table(
    config: Config,
    *,
    workers: int,
    runtime_dir: Path,
    edge: Edge | None,
    weights: Path | None,
    linger_s: float = 0.0,
    log: int | None = None,
) -> Table:
    """The processes for a configuration, of which the workers find a snapshot in the runtime directory.

    :param workers: how many, at least 1.
    :param edge: None: it is not run here.
    :param weights: the embedded model's file; None: its engine is not run.
    :param linger_s: seconds for which a worker still takes requests once it was asked to stop.
    :param log: the descriptor that workers write their log to. None: they print it.
    """
    engines = () if weights is None else (_engine(config, runtime_dir, weights),)
    served = tuple(_worker(config, runtime_dir, index, linger_s, log) for index in range(workers))
    edges = () if edge is None else (_envoy(edge),)
    return Table(
        stages=((*engines, *served), *((edges,) if edges else ())),
        # The workers finish their streams while Envoy and the engine still carry them.
        stop_order=(
            tuple(spec.name for spec in served),
            tuple(spec.name for spec in edges),
            tuple(spec.name for spec in engines),
        ),
    )


def worker_name(index: int) -> str:
    """The name of a worker, numbered from 0."""
    return f"worker-{index}"


def _envoy(edge: Edge) -> ProcessSpec:
    return ProcessSpec(name=ENVOY, argv=edge.command(), ready=edge.ready, answers=edge.answers, stop_within_s=5.0)


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
        answers=functools.partial(http_answers, options.socket, "/health"),
        # Someone's own weights may be large, and on a slow disk.
        ready_within_s=300.0,
        stop_within_s=5.0,
        # The other vendors' models do not need it.
        critical=False,
    )


def _worker(config: Config, runtime_dir: Path, index: int, linger_s: float, log: int | None) -> ProcessSpec:
    where = ("--runtime-dir", str(runtime_dir), "--index", str(index), "--snapshot", "--linger", str(linger_s))
    logs = () if log is None else ("--log-descriptor", str(log))
    socket = runtime_dir / f"worker-{index}.sock"
    return ProcessSpec(
        name=worker_name(index),
        argv=(sys.executable, "-m", "service.worker", *where, *logs),
        env=_UNBUFFERED,
        inherits=() if log is None else (log,),
        ready=functools.partial(grpc_serves, socket),
        answers=functools.partial(grpc_answers, socket),
        stop_within_s=linger_s + config.drain + _DRAIN_SLACK_S,
    )
