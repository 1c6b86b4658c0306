"""Workers as the supervisor runs them, a real Envoy before them, and what operators see of them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,  # type: ignore[reportUnknownVariableType]
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from gateway.tracing import EdgeTracing
from service.config.snapshot import NAME, Snapshot
from service.config.values import Address
from service.supervisor.probes import grpc_serves
from service.telemetry.endpoint import Sources, serving_metrics
from tests.gateway.edge import running_edge, runtime_directory
from tests.stack import VENDOR_KEY, ConfigData, Parley
from tests.vendor import unused_port

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One running instance."""

    parley: Parley
    workers: tuple[asyncio.subprocess.Process, ...]
    metrics_url: str
    runtime_dir: Path

    async def page(self, path: str = "/metrics", accept: str = OPENMETRICS) -> tuple[int, str, str]:
        """Status, content type and text of what is scraped."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.metrics_url + path, headers={"accept": accept}) as answer,
        ):
            return answer.status, answer.headers["content-type"], await answer.text()

    async def samples(self) -> list[Sample]:
        """What Prometheus' own parser reads."""
        _, _, text = await self.page()
        return parsed(text, openmetrics=True)

    async def value(self, name: str, **labels: str) -> float:
        """The sum of the series of a name that have these labels."""
        return sum(
            sample.value
            for sample in await self.samples()
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def parsed(text: str, *, openmetrics: bool) -> list[Sample]:
    """What Prometheus' own parser of a format reads."""
    parse = parse_openmetrics if openmetrics else parse_text  # type: ignore[reportUnknownVariableType]
    families: Iterable[Metric] = parse(text)  # type: ignore[reportUnknownVariableType]
    return [sample for family in families for sample in family.samples]


@asynccontextmanager
async def staged(
    config: ConfigData, folder: Path, *, workers: int = 1, edge_tracing: EdgeTracing | None = None
) -> AsyncGenerator[Stage]:
    """An instance until the block ends."""
    log = folder / "parley.log"
    async with AsyncExitStack() as stack:
        runtime_dir = stack.enter_context(runtime_directory())
        Snapshot(1, "parley.yaml", yaml.safe_dump(config)).write(runtime_dir / NAME)
        stderr = stack.enter_context(log.open("wb"))
        processes = [
            await stack.enter_async_context(_worker(runtime_dir, index, stderr.fileno())) for index in range(workers)
        ]
        edge = await stack.enter_async_context(running_edge(runtime_dir, workers=workers, tracing=edge_tracing))
        listen = Address("127.0.0.1", unused_port())
        sources = Sources(runtime_dir, workers, runtime_dir / "envoy-admin.sock")
        await stack.enter_async_context(serving_metrics(listen, sources))
        yield Stage(Parley(edge.port, processes[0], "", log), tuple(processes), f"http://{listen}", runtime_dir)


@asynccontextmanager
async def _worker(runtime_dir: Path, index: int, stderr: int) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service.worker", "--snapshot"),
        *("--runtime-dir", str(runtime_dir), "--index", str(index)),
        stderr=stderr,
        env={**os.environ, "FAKE_KEY": VENDOR_KEY, "PARLEY_LOG_LEVEL": "debug", "OTEL_BSP_SCHEDULE_DELAY": "50"},
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            while not await grpc_serves(runtime_dir / f"worker-{index}.sock"):
                assert process.returncode is None
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        await process.wait()
