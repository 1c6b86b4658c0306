"""A counter or a gauge that one thread alone changes: without prometheus_client's locks, a change costs a quarter."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

Family = type[CounterMetricFamily] | type[GaugeMetricFamily]


class Count:
    """One series of a tally; whoever adds to it often keeps it, and changes `value`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Tally:
    """One metric with its series, which are made as they are first needed. Belongs to one event loop."""

    __slots__ = ("_family", "_labels", "_name", "_series", "_text")

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        text: str,
        labels: tuple[str, ...] = (),
        *,
        family: Family = CounterMetricFamily,
    ) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._family = family
        self._series: dict[tuple[str, ...], Count] = {} if labels else {(): Count()}
        registry.register(self)

    def series(self, *labels: str) -> Count:
        """The series with these labels, in the metric's order; from now on it is shown."""
        found = self._series.get(labels)
        if found is None:
            found = self._series[labels] = Count()
        return found

    def add(self, number: float, *labels: str) -> None:
        """Adds to the series with these labels."""
        self.series(*labels).value += number

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        family = self._family(self._name, self._text, labels=self._labels)
        for labels, series in self._series.items():
            family.add_metric(labels, series.value)
        yield family
