"""What the page's plots show, as data, and the numbers in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import scenario
from bench.environment import PLOTS
from bench.measurement import Column, Run, Spread, figures
from bench.peers import PEERS
from bench.scenario import Scenario

_DRAW = Path(__file__).parent / "draw.py"


@dataclass(frozen=True, slots=True)
class Series:
    """One bar for each peer."""

    label: str
    of: Scenario
    column: Column


@dataclass(frozen=True, slots=True)
class Chart:
    """One plot: peers by name, a bar for each series, on a logarithmic scale."""

    name: str
    """Of the file, without suffix."""
    title: str
    axis: str
    series: tuple[Series, ...]
    but: tuple[str, ...] = ()
    """Peers that it leaves out."""


CHARTS = (
    Chart(
        "cpu-per-request",
        "CPU per unary request, saturated",
        "ms, log scale",
        (Series("OpenAI's JSON", scenario.UNARY, Column.CPU_REQUEST),),
        but=("direct",),
    ),
    Chart(
        "cpu-per-chunk",
        "CPU per chunk of a stream",
        "µs, log scale",
        (
            Series("saturated", scenario.STREAMS, Column.CPU_CHUNK),
            Series("20 streams/s, 20 ms between chunks", scenario.STREAMS_20, Column.CPU_CHUNK),
        ),
        but=("direct",),
    ),
    Chart(
        "cpu-per-chunk-typed",
        "CPU per chunk, translated from Anthropic's events and over gRPC, saturated",
        "µs, log scale",
        (
            Series("translated", scenario.TRANSLATED_STREAMS, Column.CPU_CHUNK),
            Series("gRPC", scenario.GRPC_STREAMS, Column.CPU_CHUNK),
        ),
        but=("direct",),
    ),
    Chart(
        "latency",
        "Time of a unary request at 20 requests/s",
        "ms, log scale",
        (
            Series("p50", scenario.UNARY_20, Column.P50),
            Series("p99", scenario.UNARY_20, Column.P99),
        ),
    ),
)


def draw(run: Run, directory: Path, charts: Sequence[Chart] = CHARTS) -> None:
    """Write an SVG of each chart. Raises NotInstalledError, or CalledProcessError where drawing fails."""
    directory.mkdir(parents=True, exist_ok=True)
    python = PLOTS.install() / "bin" / "python"
    data = json.dumps([_numbers(run, chart) for chart in charts])
    subprocess.run([python, _DRAW, directory], input=data, text=True, check=True)


def _numbers(run: Run, chart: Chart) -> dict[str, object]:
    """Return what draw.py reads."""
    peers = [peer.name for peer in PEERS if peer.name not in chart.but]
    found = {
        (peer, series.label): Spread.of(list(figures(run, series.of.name, peer, series.column).values()))
        for peer in peers
        for series in chart.series
    }
    shown = [peer for peer in peers if any(found[peer, series.label] for series in chart.series)]
    return {
        "name": chart.name,
        "title": chart.title,
        "axis": chart.axis,
        "peers": shown,
        "series": [
            {
                "label": series.label,
                "bars": [
                    [spread.median, spread.least, spread.most] if (spread := found[peer, series.label]) else None
                    for peer in shown
                ],
            }
            for series in chart.series
        ],
    }
