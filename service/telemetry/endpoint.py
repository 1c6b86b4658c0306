"""The address that Prometheus scrapes: one for all workers of an instance, and for its Envoy."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import choose_encoder

from service.config.values import Address
from service.control import ControlError, ask
from service.control.worker import control_socket
from service.telemetry import metric
from service.telemetry.snapshot import METRICS, FamilyData, Merged

_ANSWER_S = 2.0
"""Seconds that a worker or Envoy may take to answer; Prometheus waits ten by default."""
_ENVOY_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom a scrape asks."""

    runtime_dir: Path
    """Where the workers' and Envoy's sockets are."""
    workers: int
    envoy: Path
    """Envoy's admin socket, which need not be there."""
    own: CollectorRegistry = field(default_factory=CollectorRegistry)
    """Metrics of this process."""


@asynccontextmanager
async def serving_metrics(listen: Address, sources: Sources) -> AsyncGenerator[None]:
    """Serves /metrics and /metrics/envoy while the block runs.

    :raises OSError: the address cannot be listened on.
    """
    application = web.Application()
    up = Gauge(metric.WORKER_UP.name, metric.WORKER_UP.text, metric.WORKER_UP.labels, registry=sources.own)
    application.router.add_get("/metrics", _handler(sources, up))
    application.router.add_get("/metrics/envoy", _envoy_handler(sources.envoy))
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, listen.host, listen.port).start()
        yield
    finally:
        await runner.cleanup()


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _handler(sources: Sources, up: Gauge) -> _Handler:
    async def metrics(request: web.Request) -> web.Response:
        answers = await asyncio.gather(*(_ask(sources.runtime_dir, index) for index in range(sources.workers)))
        parts: dict[str, tuple[FamilyData, ...]] = {}
        for index, families in enumerate(answers):
            up.labels(str(index)).set(0 if families is None else 1)
            parts[str(index)] = families or ()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        body = encode(Merged(parts, sources.own))
        response = web.Response(body=body, headers={"content-type": content_type})
        response.enable_compression()
        return response

    return metrics


async def _ask(runtime_dir: Path, index: int) -> tuple[FamilyData, ...] | None:
    """A worker's metrics; None where it does not answer."""
    try:
        return await ask(control_socket(runtime_dir, index), METRICS, None, within_s=_ANSWER_S)
    except ControlError:
        return None


def _envoy_handler(socket: Path) -> _Handler:
    async def metrics(_: web.Request) -> web.Response:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=timeout) as session,
                session.get("http://envoy/stats/prometheus?usedonly") as answer,
            ):
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return web.Response(status=503, text=f"Envoy does not answer: {type(error).__name__}\n")
        response = web.Response(status=answer.status, body=body, headers={"content-type": _ENVOY_TYPE})
        response.enable_compression()
        return response

    return metrics
