"""What a run found out: every single measurement, and all that must be known to read them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of one kind of time, in milliseconds."""

    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Load:
    """What the load generator printed; see load/main.c."""

    answered: int
    failed: int
    last_failure: int
    """Status of the last answer that was none; 0 where there was none to be had."""
    unfinished: int
    seconds: float
    chunks: int
    latency_ms: Quantiles | None
    first_chunk_ms: Quantiles | None
    """From the time a request was due to its first chunk."""
    delay_ms: Quantiles | None
    """From the vendor's writing of a chunk to its reading by the caller."""

    @property
    def counts(self) -> bool:
        """Whether it was carried to its end, without which no figure of it means anything."""
        return self.answered > 0 and self.failed == 0 and self.unfinished == 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One round of one scenario on one peer."""

    round: int
    scenario: str
    peer: str
    cpu_seconds: dict[str, float]
    """Of the peer's whole process tree while the load lasted, by the name of the program."""
    peak_megabytes: float
    load: Load


@dataclass(frozen=True, slots=True)
class AtRest:
    """A worker that was just started, alone."""

    ready_seconds: float
    """From its spawn to health's SERVING."""
    resident_megabytes: float
    import_seconds: float
    """What of that is importing, measured by itself."""


@dataclass(frozen=True, slots=True)
class CodecRatio:
    """What one use of the codec takes, as a multiple of orjson.loads of the same bytes."""

    case: str
    use: str
    microseconds: float
    times_loads: float


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it ran."""

    cores: int
    memory_gigabytes: int
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the benchmark."""

    command: str
    date: str
    rounds: int
    machine: Machine
    missing: dict[str, str]
    """Peers that could not be measured, and why."""
    failures: list[str]
    """Measurements that did not come about, and why."""
    measurements: list[Measurement]
    at_rest: list[AtRest]
    codec: list[CodecRatio]


_ADAPTER = TypeAdapter(Run)
_LOAD = TypeAdapter(Load)


def read(path: Path) -> Run:
    """Read a run; raises pydantic.ValidationError where it is another version's."""
    return _ADAPTER.validate_json(path.read_bytes())


def write(run: Run, path: Path) -> None:
    """Write a run, a measurement to a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _ADAPTER.dump_json(run).decode()
    path.write_text(text.replace('{"round":', '\n{"round":') + "\n")


def read_load(printed: bytes) -> Load:
    """Read what the load generator printed."""
    return _LOAD.validate_json(printed)


class Column(StrEnum):
    """A figure of a measurement."""

    REQUESTS = "req/s"
    CHUNKS = "chunks/s"
    CPU_REQUEST = "CPU ms/req"
    CPU_CHUNK = "CPU µs/chunk"
    OF_ENVOY = "of it Envoy"
    P50 = "p50 ms"
    P99 = "p99 ms"
    DELAY_P50 = "delay p50 ms"
    DELAY_P99 = "delay p99 ms"
    RSS = "RSS MB"


def _cpu(of: Measurement) -> float:
    return sum(of.cpu_seconds.values())


def _per_chunk_us(of: Measurement) -> float | None:
    return _cpu(of) / of.load.chunks * 1e6 if of.load.chunks else None


def _envoys_share(of: Measurement) -> float | None:
    if "envoy" not in of.cpu_seconds or len(of.cpu_seconds) == 1:
        return None
    return of.cpu_seconds["envoy"] / _cpu(of) * 100


def _until_answer(of: Measurement) -> Quantiles | None:
    return of.load.first_chunk_ms or of.load.latency_ms


_FIGURES: dict[Column, Callable[[Measurement], float | None]] = {
    Column.REQUESTS: lambda of: of.load.answered / of.load.seconds,
    Column.CHUNKS: lambda of: of.load.chunks / of.load.seconds or None,
    Column.CPU_REQUEST: lambda of: _cpu(of) / of.load.answered * 1e3,
    Column.CPU_CHUNK: _per_chunk_us,
    Column.OF_ENVOY: _envoys_share,
    Column.P50: lambda of: times.p50 if (times := _until_answer(of)) else None,
    Column.P99: lambda of: times.p99 if (times := _until_answer(of)) else None,
    Column.DELAY_P50: lambda of: of.load.delay_ms.p50 if of.load.delay_ms else None,
    Column.DELAY_P99: lambda of: of.load.delay_ms.p99 if of.load.delay_ms else None,
    Column.RSS: lambda of: of.peak_megabytes,
}


def figure(of: Measurement, column: Column) -> float | None:
    """Return a figure; None where there is none, or where the load was not carried to its end."""
    return _FIGURES[column](of) if of.load.counts else None


def figures(run: Run, scenario: str, peer: str, column: Column) -> dict[int, float]:
    """Return the figure of each round that has one."""
    return {
        of.round: value
        for of in run.measurements
        if of.scenario == scenario and of.peer == peer and (value := figure(of, column)) is not None
    }


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread | None:
        """Return the spread of some values; None of none."""
        return cls(statistics.median(values), min(values), max(values)) if values else None
