"""What Prometheus is told of deployments, read off when it asks."""

from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from service.routing import Router

_PLACE = ("model", "vendor", "deployment")


class PlaceMetrics:
    """A collector over the state of a worker's deployments. Belongs to the worker's event loop.

    :param router: the one that holds now.
    """

    def __init__(self, router: Callable[[], Router]) -> None:
        self._router = router

    def collect(self) -> Iterator[Metric]:
        """One series for each deployment."""
        waiting = GaugeMetricFamily("parley_queue_length", "Requests in line before a deployment.", labels=_PLACE)
        working = GaugeMetricFamily("parley_deployment_in_flight", "Requests that it is working on.", labels=_PLACE)
        resting = GaugeMetricFamily(
            "parley_deployment_resting", "1 while it is left alone because it kept failing.", labels=_PLACE
        )
        for name, pool in self._router().pools.items():
            for condition, gate in pool.members:
                labels = (name, condition.target.vendor, condition.target.deployment)
                waiting.add_metric(labels, gate.waiting)
                working.add_metric(labels, condition.in_flight)
                resting.add_metric(labels, 0 if condition.healthy else 1)
        yield from (waiting, working, resting)
