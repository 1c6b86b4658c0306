"""How a worker's metrics come to the process that shows those of all workers under one address."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import Exemplar
from prometheus_client.registry import Collector
from pydantic import TypeAdapter

from service.control import Question

WORKER = "worker"
"""The label that tells workers apart."""

_UNWANTED = "_created"
"""When each series began, of which no one makes use, doubles what is to be carried and kept."""


@dataclass(frozen=True, slots=True)
class ExemplarData:
    """One request that was counted."""

    labels: dict[str, str]
    value: float
    at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class SampleData:
    """One series at this moment."""

    name: str
    labels: dict[str, str]
    value: float
    exemplar: ExemplarData | None = None


@dataclass(frozen=True, slots=True)
class FamilyData:
    """One metric with its series."""

    name: str
    text: str
    kind: str
    samples: tuple[SampleData, ...]


METRICS: Question[None, tuple[FamilyData, ...]] = Question(
    "metrics", TypeAdapter(None), TypeAdapter(tuple[FamilyData, ...])
)
"""Asks a worker for its metrics."""


def take(source: Collector) -> tuple[FamilyData, ...]:
    """The metrics of this process at this moment."""
    return tuple(
        FamilyData(
            family.name,
            family.documentation,
            family.type,
            tuple(
                SampleData(sample.name, sample.labels, sample.value, _of_exemplar(sample.exemplar))
                for sample in family.samples
                if not sample.name.endswith(_UNWANTED)
            ),
        )
        for family in source.collect()
    )


class Merged:
    """The metrics of several processes as one source: their series stay apart by a label.

    :param parts: by the label's value.
    :param own: metrics of this process, which get no label.
    """

    def __init__(self, parts: Mapping[str, Iterable[FamilyData]], own: Collector) -> None:
        self._parts = parts
        self._own = own

    def collect(self) -> Iterator[Metric]:
        """Each metric once, with all its series."""
        families = {family.name: family for family in self._own.collect()}
        for worker, part in self._parts.items():
            for data in part:
                family = families.get(data.name)
                if family is None:
                    family = families[data.name] = Metric(data.name, data.text, data.kind)
                for sample in data.samples:
                    labels = {**sample.labels, WORKER: worker}
                    family.add_sample(sample.name, labels, sample.value, exemplar=_to_exemplar(sample.exemplar))
        yield from families.values()


def _of_exemplar(exemplar: Exemplar | None) -> ExemplarData | None:
    if exemplar is None:
        return None
    return ExemplarData(exemplar.labels, exemplar.value, float(exemplar.timestamp or 0.0))


def _to_exemplar(data: ExemplarData | None) -> Exemplar | None:
    return None if data is None else Exemplar(data.labels, data.value, data.at)
