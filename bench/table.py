"""The tables of a run, in Markdown that reads well in a terminal too."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measurement import Column, Measurement, Run, Spread, figure, figures
from bench.peers import PEERS
from bench.scenario import SCENARIOS
from bench.targets import TARGETS, Target


def targets_table(run: Run) -> str:
    """Every target with what was measured."""
    rows = [["measure", "at most", "measured", "least – most", ""]]
    for target in TARGETS:
        spread = target.measured(run)
        limit = target.limit.format(_limit(target.at_most)) + (" (stretch)" if target.stretch else "")
        if spread is None:
            rows.append([target.measure, limit, "-", "-", "not measured"])
        else:
            range_ = f"{_ratio(spread.least, target)} – {_ratio(spread.most, target)}"
            rows.append([target.measure, limit, _ratio(spread.median, target), range_, verdict(target, spread)])
    return _markdown(rows)


def verdict(target: Target, spread: Spread) -> str:
    """Say whether a target is met, and by how much it is not."""
    if spread.median <= target.at_most:
        return "met"
    return f"missed by {(spread.median / target.at_most - 1) * 100:.0f} %"


def scenario_table(run: Run, scenario: str) -> str | None:
    """The peers' figures in one scenario: medians, and for the CPU the least and the most; None without any."""
    groups: dict[str, list[Measurement]] = {}
    for one in run.measurements:
        if one.scenario == scenario:
            groups.setdefault(one.peer, []).append(one)
    columns = [column for column in Column if any(_values(group, column) for group in groups.values())]
    added = (Column.P50, Column.P99) if "direct" in groups and _has_rate(scenario) else ()
    if not columns:
        return None
    rows = [["peer", *columns, *(f"{column.removesuffix(' ms')} added ms" for column in added), "failed"]]
    for peer, group in sorted(groups.items(), key=lambda item: _place(item[0])):
        cells = [_cell(column, Spread.of(_values(group, column))) for column in columns]
        failed = sum(one.load.failed + one.load.unfinished for one in group)
        cells += [_added(run, scenario, peer, column) for column in added]
        rows.append([peer, *cells, str(failed)])
    return _markdown(rows)


def tables(run: Run) -> str:
    """All scenarios, each with its heading."""
    found = ((scenario.name, scenario_table(run, scenario.name)) for scenario in SCENARIOS)
    return "\n".join(f"\n### {name}\n\n{text}" for name, text in found if text is not None)


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def _values(group: Sequence[Measurement], column: Column) -> list[float]:
    return [value for one in group if (value := figure(one, column)) is not None]


def _place(peer: str) -> int:
    return next((at for at, known in enumerate(PEERS) if known.name == peer), len(PEERS))


def _has_rate(scenario: str) -> bool:
    return any(known.rate is not None for known in SCENARIOS if known.name == scenario)


def _added(run: Run, scenario: str, peer: str, column: Column) -> str:
    """What the peer adds to a direct call, within each round."""
    direct = figures(run, scenario, "direct", column)
    own = figures(run, scenario, peer, column)
    spread = Spread.of([value - direct[at] for at, value in own.items() if at in direct])
    return "-" if spread is None or peer == "direct" else number(spread.median)


def _cell(column: Column, spread: Spread | None) -> str:
    if spread is None:
        return "-"
    if column is Column.OF_ENVOY:
        return f"{spread.median:.0f} %"
    if column in {Column.CPU_REQUEST, Column.CPU_CHUNK} and spread.most > spread.least:
        return f"{number(spread.median)} ({number(spread.least)}–{number(spread.most)})"
    return number(spread.median)


def _limit(value: float) -> str:
    return f"{value:g}" if value >= 1 else f"1/{1 / value:g}"


def _ratio(value: float, target: Target) -> str:
    if target.at_most < 1 and 0 < value < 1:
        return f"1/{number(1 / value)}"
    return number(value)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    table = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    widths = [max(len(row[at]) for row in table) for at in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    )
