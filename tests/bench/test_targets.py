from dataclasses import replace

import pytest

from bench.measurement import AtRest, CodecRatio, Column, Load, Machine, Measurement, Quantiles, Run
from bench.scenario import STREAMS, UNARY, UNARY_20, Scenario
from bench.table import tables, targets_table, verdict
from bench.targets import TARGETS, Added, Ratio, Target

FLOOR = Target("unary", "{} × floor R", 1.35, Ratio(Column.CPU_REQUEST, UNARY, "floor R"))
ADDED = Target("added", "{} ms", 3, Added(Column.P50, UNARY_20))


def measured(of: Scenario, peer: str, number: int, cpu: float, *, unfinished: int = 0, p50: float = 1) -> Measurement:
    times = Quantiles(p50, 2 * p50, 3 * p50)
    load = Load(100, 0, 0, unfinished, 1.0, 0, times, None, None)
    return Measurement(number, of.name, peer, {"envoy": cpu / 4, "python": cpu * 3 / 4}, 10, load)


def run_of(*measurements: Measurement) -> Run:
    return Run("", "2026-01-01", 1, Machine(2, 4, {}), {}, [], list(measurements), [], [])


def test_a_ratio_is_taken_within_each_round() -> None:
    run = run_of(
        *(measured(UNARY, "parley", number, cpu) for number, cpu in enumerate((1.0, 3.0, 8.0))),
        *(measured(UNARY, "floor R", number, cpu) for number, cpu in enumerate((1.0, 2.0, 4.0))),
    )
    spread = FLOOR.measured(run)
    assert spread is not None
    assert (spread.least, spread.median, spread.most) == (1.0, 1.5, 2.0)
    assert verdict(FLOOR, spread) == "missed by 11 %"
    assert verdict(replace(FLOOR, at_most=1.5), spread) == "met"


def test_a_round_that_was_not_carried_to_its_end_counts_for_nothing() -> None:
    run = run_of(measured(UNARY, "parley", 0, 1.0, unfinished=1), measured(UNARY, "floor R", 0, 1.0))
    assert FLOOR.measured(run) is None


def test_latency_is_what_is_added_to_a_direct_call() -> None:
    run = run_of(measured(UNARY_20, "parley", 0, 1.0, p50=3.5), measured(UNARY_20, "direct", 0, 1.0, p50=0.5))
    spread = ADDED.measured(run)
    assert spread is not None
    assert spread.median == pytest.approx(3.0)


def test_what_was_not_measured_is_said() -> None:
    assert targets_table(run_of()).count("not measured") == len(TARGETS)


def test_every_target_can_be_measured() -> None:
    everything = [
        replace(measurement, load=replace(measurement.load, chunks=10, first_chunk_ms=Quantiles(1, 1, 1)))
        for target in TARGETS
        if isinstance(target.figure, Ratio | Added)
        for measurement in (
            measured(target.figure.of, "parley", 0, 1.0),
            measured(target.figure.of, "direct", 0, 1.0),
            *(
                [measured(target.figure.peers_scenario or target.figure.of, target.figure.peer, 0, 1.0)]
                if isinstance(target.figure, Ratio)
                else []
            ),
        )
    ]
    codec = [CodecRatio("request, 4 messages", "parse + decode", 1, 2), CodecRatio("chunk", "encode", 1, 2)]
    run = replace(run_of(*everything), codec=codec, at_rest=[AtRest(1, 50, 0.5)])
    assert "not measured" not in targets_table(run)


def test_tables_show_the_share_of_envoy_and_what_failed() -> None:
    text = tables(run_of(measured(STREAMS, "parley", 0, 1.0), measured(STREAMS, "parley", 1, 1.0, unfinished=5)))
    row = next(line for line in text.splitlines() if line.startswith("| parley"))
    assert "25 %" in row
    assert row.rstrip(" |").endswith("5")
