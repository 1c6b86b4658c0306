"""Everything that tells operators of one worker, put together from its configuration."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector

from service.config import Config
from service.config.snapshot import Loaded
from service.log import Log
from service.pipeline.account import Accounting
from service.pipeline.record import Observer
from service.pipeline.request_log import RequestLog
from service.pipeline.trace import Tracer
from service.routing import Router
from service.telemetry.config_metrics import ConfigMetrics
from service.telemetry.loop_lag import LoopLag
from service.telemetry.place_metrics import PlaceMetrics
from service.telemetry.request_metrics import RequestMetrics
from service.telemetry.snapshot import FamilyData, take
from service.telemetry.tracing_setup import tracing


@dataclass(slots=True)
class WorkerTelemetry:
    """Made once, before the worker serves, in its event loop; closed when it has served its last request."""

    accounting: Accounting
    """Who is told of requests."""
    _registry: CollectorRegistry | None
    _close: tuple[Callable[[], None], ...]
    _lag: LoopLag | None = None

    @classmethod
    def of(cls, config: Config, log: Log) -> "WorkerTelemetry":
        """What the configuration asks for: neither metrics nor traces cost anything where it does not."""
        observers: tuple[Observer, ...] = (RequestLog(log),)
        registry: CollectorRegistry | None = None
        tracer: Tracer | None = None
        close: tuple[Callable[[], None], ...] = ()
        if config.metrics is not None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
            observers = (*observers, RequestMetrics(registry))
        if (receiver := config.tracing.receiver) is not None:
            tracer, shut_down = tracing(config.tracing, receiver)
            close = (shut_down,)
        return cls(Accounting(observers, tracer, config.tracing.propagate), registry, close)

    def watch(self, router: Callable[[], Router], loaded: Callable[[], Loaded | None]) -> None:
        """Shows the state of deployments and of the configuration, too, and begins to watch the event loop."""
        if self._registry is not None:
            self._registry.register(PlaceMetrics(router))
            self._registry.register(ConfigMetrics(loaded))
            self._lag = LoopLag(self._registry)

    def metrics(self) -> tuple[FamilyData, ...]:
        """The metrics at this moment; none where they are off."""
        return () if self._registry is None else take(self._registry)

    async def close(self) -> None:
        """Sends what is left of traces, for a few seconds at most."""
        if self._lag is not None:
            self._lag.close()
        for close in self._close:
            await asyncio.to_thread(close)
