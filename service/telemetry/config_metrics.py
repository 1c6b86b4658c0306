"""What Prometheus is told of a process's configuration, read off when it asks."""

from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from service.config.snapshot import Loaded


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
        yield GaugeMetricFamily(
            "parley_config_generation", "Number of the configuration that is served by.", loaded.generation
        )
        yield GaugeMetricFamily(
            "parley_config_loaded_timestamp_seconds", "When it was loaded, in Unix seconds.", loaded.loaded_at
        )
        reloads = CounterMetricFamily(
            "parley_config_reloads", "Configurations after the first, by what became of them.", labels=("result",)
        )
        reloads.add_metric(("ok",), max(0, loaded.generation - 1))
        reloads.add_metric(("failed",), loaded.failures)
        yield reloads
        yield GaugeMetricFamily(
            "parley_config_last_reload_failed",
            "1 while the newest file is not the one that is served by.",
            0 if loaded.last_error is None else 1,
        )
