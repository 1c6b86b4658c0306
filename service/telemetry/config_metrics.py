"""What Prometheus is told of a process's configuration, read off when it asks."""

from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from service.config.snapshot import Loaded
from service.telemetry import metric


class ConfigMetrics:
    """A collector over what became of the configuration in one process.

    :param loaded: the account that holds now; None before the first.
    """

    def __init__(self, loaded: Callable[[], Loaded | None]) -> None:
        self._loaded = loaded

    def collect(self) -> Iterator[Metric]:
        """The generation, and the reloads by how they went."""
        loaded = self._loaded()
        if loaded is None:
            return
        yield _gauge(metric.CONFIG_GENERATION, loaded.generation)
        yield _gauge(metric.CONFIG_LOADED, loaded.loaded_at)
        reloads = CounterMetricFamily(
            metric.CONFIG_RELOADS.name, metric.CONFIG_RELOADS.text, labels=metric.CONFIG_RELOADS.labels
        )
        reloads.add_metric(("ok",), max(0, loaded.generation - 1))
        reloads.add_metric(("failed",), loaded.failures)
        yield reloads
        yield _gauge(metric.CONFIG_FAILED, 0 if loaded.last_error is None else 1)


def _gauge(row: metric.Row, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(row.name, row.text, value)
