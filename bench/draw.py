"""Draws the page's plots: reads their numbers from stdin, as bench/chart.py writes them, and writes an SVG of each.

It runs in an environment of its own, which has matplotlib and nothing of Parley's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TypedDict

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

COLOURS = ("#31688e", "#9ac5d9")
OWN_COLOURS = ("#d1495b", "#edae9f")


class Series(TypedDict):
    """One bar for each peer: median, least, most; None where it was not measured."""

    label: str
    bars: list[tuple[float, float, float] | None]


class Chart(TypedDict):
    """One plot."""

    name: str
    title: str
    axis: str
    peers: list[str]
    series: list[Series]


def draw(chart: Chart, path: Path) -> None:
    """Draw one plot, the first peer topmost."""
    count = len(chart["series"])
    thickness = 0.8 / count
    figure = Figure(figsize=(8, 0.9 + 0.26 * count * len(chart["peers"]) + 0.1 * len(chart["peers"])))
    axes = figure.add_subplot()
    for at, series in enumerate(chart["series"]):
        for row, bar in enumerate(series["bars"]):
            if bar is None:
                continue
            median, least, most = bar
            own = chart["peers"][row].startswith("parley")
            place = row + (at - (count - 1) / 2) * thickness
            axes.barh(place, median, height=thickness * 0.92, color=(OWN_COLOURS if own else COLOURS)[at])
            axes.plot((least, most), (place, place), color="black", linewidth=1)
            axes.annotate(
                f"{median:,.3g}", (most, place), xytext=(4, 0), textcoords="offset points", va="center", size=8
            )
        if count > 1:
            axes.barh(0, 0, color=COLOURS[at], label=series["label"])
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_yticks(range(len(chart["peers"])), chart["peers"])
    axes.invert_yaxis()
    axes.set_xlabel(chart["axis"])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_title(chart["title"], loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    if count > 1:
        axes.legend(fontsize=8, frameon=False, loc="best")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Draw all into the directory that is named."""
    directory = Path(sys.argv[1])
    charts: list[Chart] = json.load(sys.stdin)
    # Text stays text, and the same numbers give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "parley"}):
        for chart in charts:
            if chart["peers"]:
                draw(chart, directory / f"{chart['name']}.svg")


if __name__ == "__main__":
    main()
