"""Writes docs/performance.md from a run. `python -m bench.page` does so from the run that is committed beside it."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from bench import measurement
from bench.chart import CHARTS, draw
from bench.environment import NotInstalledError
from bench.measurement import Run, Spread
from bench.peers import PEERS
from bench.scenario import SCENARIOS
from bench.table import number, tables, targets_table

_HERE = Path(__file__).parent
_DOCS = _HERE.parent / "docs"
PAGE = _DOCS / "performance.md"
PLOTS = _DOCS / "performance"
RUN = PLOTS / "run.json"
NOTES = _HERE / "notes.md"
"""What a person has to say on the figures: what was missed, and why."""

_READING = """\
Medians over the rounds; the smallest and the largest value stand in brackets, and as lines in the plots. Trust CPU per
request and per chunk, and ratios within a round: what a saturated peer carries per second depends on what the load
generator and the mock vendor leave it of the cores.

- **CPU** is user and system time of the peer's whole process tree, Envoy included, while the load lasts. That of
  `direct` is the mock vendor's own.
- **p50** and **p99** are to the first chunk where the answer is streamed, else to the whole answer. At a fixed rate they
  count from when the request was due, whatever the peer had still to do.
- **delay** is the time from the vendor's writing of a chunk to its reading by the caller: each chunk carries the former.
- **RSS** is the sum of the processes' peaks in that scenario.
- **failed** counts answers that failed or did not come to their end. A figure counts only where there is none.
"""


def render(run: Run) -> str:
    """Return the page's text."""
    parts = [
        "# Performance",
        _introduction(run),
        "## Targets",
        "A ratio is taken within each round; shown are the median of the rounds, and the least and the most.",
        targets_table(run),
        NOTES.read_text().strip(),
        "## Plots",
        *(f"![{chart.title}](performance/{chart.name}.svg)\n\n`python -m bench.page`" for chart in CHARTS),
        "## All figures",
        _READING.strip(),
        tables(run).strip(),
        "## Peers",
        "\n".join(f"- **{peer.name}**: {peer.what}" for peer in PEERS),
        "## Not measured",
        _not_measured(run),
        "## A worker at rest",
        _at_rest(run),
        "## Codec",
        _codec(run),
        "## Machine",
        _machine(run),
    ]
    return "\n\n".join(parts) + "\n"


def _introduction(run: Run) -> str:
    return (
        f"Measured by `{run.command}` on {run.date}, in {_rounds(run.rounds)}, from which this page is made. "
        "Every measurement is in [performance/run.json](performance/run.json); `python -m bench.page` makes the page "
        "anew from it, and [bench/README.md](../bench/README.md) says how it is measured."
    )


def _rounds(count: int) -> str:
    return "one round" if count == 1 else f"{count} interleaved rounds"


def write_page(run: Run) -> None:
    """Write the page and its plots; says on stderr where the plots could not be drawn."""
    try:
        draw(run, PLOTS)
    except (NotInstalledError, subprocess.SubprocessError) as error:
        print(f"the plots were not drawn: {error}", file=sys.stderr)
    PAGE.write_text(render(run))


def _not_measured(run: Run) -> str:
    lines = [f"- **{peer}**: {reason.splitlines()[0]}" for peer, reason in run.missing.items()]
    lines += [f"- {failure.splitlines()[0]}" for failure in run.failures]
    for peer in PEERS:
        served = [one for one in SCENARIOS if one.api in peer.routes]
        choked = [one.name for one in served if one.chunks_per_second > peer.most_chunks_per_second]
        if choked:
            lines.append(f"- **{peer.name}** in {', '.join(f'“{name}”' for name in choked)}: more than it can carry.")
    lines.append(
        "- What a peer has no way of serving: translation by plain proxies, gRPC by any but Parley and floor T."
    )
    return "\n".join(lines)


def _at_rest(run: Run) -> str:
    if not run.at_rest:
        return "Not measured."
    kinds = (
        ("resident", "MB", [one.resident_megabytes for one in run.at_rest]),
        ("ready after its spawn", "s", [one.ready_seconds for one in run.at_rest]),
        ("of which importing, by itself", "s", [one.import_seconds for one in run.at_rest]),
    )
    lines: list[str] = []
    for what, unit, values in kinds:
        spread = Spread.of(values)
        assert spread is not None
        lines.append(f"- {what}: {number(spread.median)} {unit} ({number(spread.least)}–{number(spread.most)})")
    return "\n".join(lines)


def _codec(run: Run) -> str:
    lines = ["| case | use | µs | × orjson.loads |", "| --- | --- | --- | --- |"]
    lines += [f"| {one.case} | {one.use} | {number(one.microseconds)} | {one.times_loads:.1f} |" for one in run.codec]
    return "`python -m bench.codec`; the best of several rounds.\n\n" + "\n".join(lines)


def _machine(run: Run) -> str:
    machine = run.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.cores} cores, shared by the load generator, the mock vendor and the peer; "
        f"{machine.memory_gigabytes} GB of memory; {versions}."
    )


def main() -> None:
    """Make the page anew."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", default=RUN, help="default: docs/performance/run.json")
    write_page(measurement.read(parser.parse_args().run))


if __name__ == "__main__":
    main()
