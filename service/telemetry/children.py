"""Keeps a metric's series by their labels, because prometheus_client's own look-up costs more than an observation."""

from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class Children(Generic[Metric]):
    """The series of one metric, made as they are first needed. Belongs to one event loop."""

    __slots__ = ("_known", "_metric")

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._known: dict[tuple[str, ...], Metric] = {}

    def __call__(self, *labels: str) -> Metric:
        """The series with these labels, in the metric's order."""
        child = self._known.get(labels)
        if child is None:
            child = self._known[labels] = self._metric.labels(*labels)
        return child
