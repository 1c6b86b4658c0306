"""What Prometheus is told of deployments, read off when it asks."""

from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from service.routing import Router
from service.telemetry import metric


class PlaceMetrics:
    """A collector over the state of a worker's deployments. Belongs to the worker's event loop.

    :param router: the one that holds now.
    """

    def __init__(self, router: Callable[[], Router]) -> None:
        self._router = router

    def collect(self) -> Iterator[Metric]:
        """One series for each deployment."""
        waiting, working, resting = (
            GaugeMetricFamily(row.name, row.text, labels=row.labels)
            for row in (metric.QUEUE_LENGTH, metric.IN_FLIGHT, metric.RESTING)
        )
        for name, pool in self._router().pools.items():
            for condition, gate in pool.members:
                labels = (name, condition.target.vendor, condition.target.deployment)
                waiting.add_metric(labels, gate.waiting)
                working.add_metric(labels, condition.in_flight)
                resting.add_metric(labels, 0 if condition.healthy else 1)
        yield from (waiting, working, resting)
