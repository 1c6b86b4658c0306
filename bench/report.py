"""Measurements, and the table and the file that they end up in."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict


class Quantiles(TypedDict):
    """Of one kind of time, in milliseconds."""

    p50: float
    p99: float
    max: float


class Load(TypedDict):
    """What the load generator printed."""

    answered: int
    failed: int
    last_failure: int
    unfinished: int
    seconds: float
    chunks: int
    latency_ms: Quantiles | None
    first_chunk_ms: Quantiles | None
    delay_ms: Quantiles | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one scenario on one peer."""

    round: int
    scenario: str
    peer: str
    cpu_seconds: float
    """Of the peer's whole process tree while the load lasted."""
    peak_megabytes: float
    load: Load


Column = Callable[[Measurement], float | None]


def _per_request_ms(of: Measurement) -> float | None:
    return of.cpu_seconds / of.load["answered"] * 1e3 if of.load["answered"] else None


def _per_chunk_us(of: Measurement) -> float | None:
    return of.cpu_seconds / of.load["chunks"] * 1e6 if of.load["chunks"] else None


def _quantile(times: Quantiles | None, p99: bool) -> float | None:
    return None if times is None else times["p99" if p99 else "p50"]


COLUMNS: dict[str, Column] = {
    "req/s": lambda of: of.load["answered"] / of.load["seconds"],
    "chunks/s": lambda of: of.load["chunks"] / of.load["seconds"] or None,
    "CPU ms/req": _per_request_ms,
    "CPU us/chunk": _per_chunk_us,
    "p50 ms": lambda of: _quantile(of.load["first_chunk_ms"] or of.load["latency_ms"], p99=False),
    "p99 ms": lambda of: _quantile(of.load["first_chunk_ms"] or of.load["latency_ms"], p99=True),
    "delay p50 ms": lambda of: _quantile(of.load["delay_ms"], p99=False),
    "delay p99 ms": lambda of: _quantile(of.load["delay_ms"], p99=True),
    "RSS MB": lambda of: of.peak_megabytes,
    "failed": lambda of: of.load["failed"] + of.load["unfinished"],
}


def table(measurements: Sequence[Measurement]) -> str:
    """Return a Markdown table of medians over the rounds, one row for each scenario and peer."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault((measurement.scenario, measurement.peer), []).append(measurement)
    rows = [["scenario", "peer", *COLUMNS], ["---"] * (len(COLUMNS) + 2)]
    for (scenario, peer), group in groups.items():
        rows.append([scenario, peer, *(_cell(_median(column, group)) for column in COLUMNS.values())])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )


def write(measurements: Sequence[Measurement], path: Path) -> None:
    """Write every measurement as JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([asdict(measurement) for measurement in measurements], indent=1) + "\n")


def _median(column: Column, group: Sequence[Measurement]) -> float | None:
    values = [value for value in map(column, group) if value is not None]
    return statistics.median(values) if values else None


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.3g}"
