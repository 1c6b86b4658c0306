"""What is observed comes out as prometheus_client's own histogram would show it."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.telemetry.distribution import Distribution
from service.telemetry.tally import Tally

BOUNDS = (0.005, 0.1, 1.0, 10.0)
VALUES = (0.0, 0.005, 0.0051, 0.1, 0.5, 1.0, 3.0, 10.0, 10.1, 1e9)


def shown(source: Collector) -> list[str]:
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    lines = encode(source).decode().splitlines()
    # When a series began is what nobody asked for.
    return [line.partition(" # ")[0] for line in lines if "_created" not in line]


@pytest.mark.parametrize("labels", [(), ("a", "b")], ids=["bare", "labels"])
def test_a_distribution_shows_what_prometheus_client_would(labels: tuple[str, ...]) -> None:
    own, theirs = CollectorRegistry(), CollectorRegistry()
    distribution = Distribution(own, "x_seconds", "Text.", labels, BOUNDS)
    histogram = Histogram("x_seconds", "Text.", labels, registry=theirs, buckets=BOUNDS)
    for value in VALUES:
        distribution.observe(value, *labels)
        (histogram.labels(*labels) if labels else histogram).observe(value)
    assert shown(own) == shown(theirs)


def test_the_newest_exemplar_of_a_bucket_is_shown() -> None:
    registry = CollectorRegistry()
    distribution = Distribution(registry, "x_seconds", "Text.", (), BOUNDS)
    for number in range(3):
        distribution.observe(0.5, exemplar={"trace_id": str(number)})
    distribution.observe(0.5)
    exemplars = [s.exemplar for family in registry.collect() for s in family.samples if s.exemplar]
    assert [(each.labels, each.value) for each in exemplars] == [({"trace_id": "2"}, 0.5)]


def test_tallies_show_what_prometheus_client_would() -> None:
    own, theirs = CollectorRegistry(), CollectorRegistry()
    count, level, bare = (
        Tally(own, "a", "Text.", ("l",)),
        Tally(own, "b", "Text.", ("l",), family=GaugeMetricFamily),
        Tally(own, "c", "Text."),
    )
    counter, gauge = Counter("a", "Text.", ("l",), registry=theirs), Gauge("b", "Text.", ("l",), registry=theirs)
    Counter("c", "Text.", registry=theirs)
    count.add(2, "x")
    counter.labels("x").inc(2)
    for label, number in (("x", 1), ("y", 3), ("x", -2)):
        level.add(number, label)
        gauge.labels(label).inc(number)
    bare.add(0)
    assert shown(own) == shown(theirs)
