"""A histogram that one thread alone changes: without prometheus_client's locks, an observation costs a quarter."""

import time
from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import Exemplar, HistogramMetricFamily


class Series:
    """One series of a distribution; whoever observes often keeps it."""

    __slots__ = ("_bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Of each bucket alone; the last has no upper bound."""
        self.sum = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        """The newest of each bucket that has any."""

    def observe(self, value: float, exemplar: dict[str, str] | None = None) -> None:
        """Adds a value.

        :param exemplar: labels that lead to what was observed.
        """
        bucket = bisect_left(self._bounds, value)
        self.counts[bucket] += 1
        self.sum += value
        if exemplar is not None:
            self.exemplars[bucket] = Exemplar(exemplar, value, time.time())


class Distribution:
    """One metric with its series, which are made as they are first needed. Belongs to one event loop.

    :param bounds: upper bounds of the buckets, included, in order.
    """

    __slots__ = ("_bounds", "_labels", "_name", "_series", "_text")

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: tuple[str, ...], bounds: tuple[float, ...]
    ) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._bounds = bounds
        self._series: dict[tuple[str, ...], Series] = {}
        registry.register(self)

    def series(self, *labels: str) -> Series:
        """The series with these labels, in the metric's order; from now on it is shown."""
        found = self._series.get(labels)
        if found is None:
            found = self._series[labels] = Series(self._bounds)
        return found

    def observe(self, value: float, *labels: str, exemplar: dict[str, str] | None = None) -> None:
        """Adds a value to the series with these labels."""
        self.series(*labels).observe(value, exemplar)

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        names = [*map(repr, self._bounds), "+Inf"]
        for labels, series in self._series.items():
            total = 0
            buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
            for index, (name, count) in enumerate(zip(names, series.counts, strict=True)):
                total += count
                exemplar = series.exemplars.get(index)
                buckets.append((name, total) if exemplar is None else (name, total, exemplar))
            family.add_metric(labels, buckets, series.sum)
        yield family
