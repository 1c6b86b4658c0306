"""What Prometheus is told of an instance by the process that keeps its workers running."""

from collections.abc import Callable, Iterable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.config.snapshot import Loaded
from service.telemetry import metric
from service.telemetry.config_metrics import ConfigMetrics


class InstanceMetrics:
    """Which version and configuration runs, and how often its processes had to be started again.

    :param processes: names of all processes, which are shown before they ever ended.
    :param loaded: what became of the configuration; None before the first.
    """

    def __init__(
        self, registry: CollectorRegistry, processes: Iterable[str], loaded: Callable[[], Loaded | None]
    ) -> None:
        build = Gauge(metric.BUILD.name, metric.BUILD.text, metric.BUILD.labels, registry=registry)
        build.labels(version("parley")).set(1)
        exits = metric.PROCESS_EXITS
        self._exits = Counter(exits.name, exits.text, exits.labels, registry=registry)
        for process in processes:
            self._exits.labels(process)
        registry.register(ConfigMetrics(loaded))

    def exited(self, process: str) -> None:
        """A process ended unasked."""
        self._exits.labels(process).inc()
