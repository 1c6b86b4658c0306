"""Runs every scenario on every peer in turn, round after round, so that the machine's noise falls on all alike.

`python -m bench.run` compares Parley with all peers, prints the targets and tables, and writes docs/performance.md. With
`--quick` it takes a minute and a half, runs beside Parley only what it is judged by, and writes no page.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bench import at_rest, codec, measurement, process_tree
from bench.build import LOAD, build
from bench.environment import NotInstalledError
from bench.machine import describe
from bench.measurement import AtRest, Load, Measurement, Run
from bench.page import RUN, write_page
from bench.peer import Peer
from bench.peers import DIRECT, PEERS
from bench.running import NotReadyError, Running, mock_vendor, started
from bench.scenario import SCENARIOS, Api, Scenario
from bench.table import tables, targets_table

RESULTS = Path(__file__).parent / "results" / "latest.json"
WARM_UP_SECONDS = 0.5
LOAD_PATIENCE_SECONDS = 30
"""How long a load may outlast its own time: the generator waits for the answers still under way."""
GRPC_CONNECTIONS = 4
CODEC_ROUNDS, CODEC_CALLS = 40, 250
"""Many short rounds: the best of them is one that nothing else disturbed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    peers: Sequence[Peer]
    scenarios: Sequence[Scenario]
    rounds: int
    budget_seconds: float
    """No round begins that would probably end after this."""
    share: float
    """Of each scenario's seconds."""
    workers_at_rest: int


@dataclass(slots=True)
class Found:
    """What came out so far."""

    measurements: list[Measurement] = field(default_factory=list[Measurement])
    missing: dict[str, str] = field(default_factory=dict[str, str])
    failures: list[str] = field(default_factory=list[str])
    rounds: int = 0

    def failed(self, what: str) -> None:
        """Keep, and tell, that a measurement did not come about."""
        self.failures.append(what)
        say(what)


def put_under_load(running: Running, scenario: Scenario, seconds: float) -> Load:
    """Ask a peer as the scenario says. Raises CalledProcessError where it gives nothing but failures."""
    route = running.peer.routes[scenario.api]
    body = running.directory / "request-body"
    body.write_bytes(route.render(scenario))
    command = [str(LOAD), "-p", str(running.port), "-P", route.path(scenario), "-b", str(body), "-d", str(seconds)]
    if scenario.api is Api.GRPC:
        command += ["-g", "-c", str(GRPC_CONNECTIONS), "-m", str(scenario.connections // GRPC_CONNECTIONS)]
    else:
        command += ["-c", str(scenario.connections)]
    if scenario.rate is not None:
        command += ["-r", str(scenario.rate)]
    for header in running.headers(route.headers):
        command += ["-H", header]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + LOAD_PATIENCE_SECONDS)
    return measurement.read_load(done.stdout)


def measure(running: Running, scenario: Scenario, round_number: int, share: float) -> Measurement:
    """Warm a peer up, then measure it."""
    if scenario.rate is None:
        put_under_load(running, scenario, WARM_UP_SECONDS)
    process_tree.forget_peaks(running.processes)
    before = process_tree.cpu_seconds(running.processes)
    load = put_under_load(running, scenario, scenario.seconds * share)
    after = process_tree.cpu_seconds(running.processes)
    used = {name: seconds - before.get(name, 0) for name, seconds in after.items()}
    memory = process_tree.peak_megabytes(running.processes)
    return Measurement(round_number, scenario.name, running.peer.name, used, memory, load)


def run_round(plan: Plan, running: Sequence[Running], number: int, found: Found) -> None:
    """Measure every scenario on every peer, which take turns in beginning."""
    for scenario in plan.scenarios:
        able = [one for one in running if one.peer.serves(scenario)]
        turn = number % len(able) if able else 0
        for one in able[turn:] + able[:turn]:
            try:
                measured = measure(one, scenario, number, plan.share)
            except subprocess.CalledProcessError as error:
                said = error.stderr.decode(errors="replace").strip() or str(error)
                found.failed(f"round {number + 1}, {scenario.name}, {one.peer.name}: {said}")
                continue
            except subprocess.TimeoutExpired as error:
                found.failed(f"round {number + 1}, {scenario.name}, {one.peer.name}: {error}")
                continue
            found.measurements.append(measured)
            load = measured.load
            say(
                f"round {number + 1}/{plan.rounds} · {scenario.name} · {one.peer.name}: {load.answered} answered"
                + (f", {load.failed} failed, {load.unfinished} unfinished" if not load.counts else "")
            )


def run_rounds(plan: Plan, found: Found) -> None:
    """Start the peers and measure them, round after round."""
    with contextlib.ExitStack() as stack:
        vendor = stack.enter_context(mock_vendor())
        running: list[Running] = []
        for peer in plan.peers:
            say(f"starting {peer.name}")
            try:
                running.append(vendor if peer is DIRECT else stack.enter_context(started(peer, vendor.port)))
            except (NotReadyError, NotInstalledError) as error:
                found.missing[peer.name] = str(error)
                say(str(error))
        began = time.monotonic()
        for number in range(plan.rounds):
            started_at = time.monotonic()
            run_round(plan, running, number, found)
            found.rounds += 1
            took = time.monotonic() - started_at
            if number + 1 < plan.rounds and time.monotonic() - began + took > plan.budget_seconds:
                say(f"no time left for another round of {took:.0f} s")
                break


def measure_at_rest(count: int, found: Found) -> list[AtRest]:
    """Start workers one after the other."""
    samples: list[AtRest] = []
    for _ in range(count):
        try:
            samples.append(at_rest.measure())
        except (TimeoutError, subprocess.SubprocessError) as error:
            found.failed(f"a worker at rest: {error}")
    return samples


def stop(number: int, frame: FrameType | None) -> None:
    """Leave by the way that stops the peers."""
    sys.exit(128 + number)


def say(what: str) -> None:
    """Tell the user how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None = None) -> tuple[Plan, bool]:
    """Read the command line; the second is whether the page is written."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round on Parley, the floors and the vendor")
    parser.add_argument("--rounds", type=int, help="default: 3")
    parser.add_argument("--budget", type=float, default=840, help="seconds within which a last round ends (840)")
    parser.add_argument("--peers", nargs="+", choices=[peer.name for peer in PEERS], help="default: all")
    parser.add_argument(
        "--scenarios", nargs="+", choices=[scenario.name for scenario in SCENARIOS], help="default: all"
    )
    given = parser.parse_args(arguments)
    peers = [peer for peer in PEERS if (peer.name in given.peers if given.peers else peer.quick or not given.quick)]
    scenarios = [scenario for scenario in SCENARIOS if not given.scenarios or scenario.name in given.scenarios]
    rounds: int = given.rounds or (1 if given.quick else 3)
    share, workers = (0.4, 1) if given.quick else (1, 5)
    plan = Plan(peers, scenarios, rounds, given.budget, share, workers)
    return plan, not (given.quick or given.peers or given.scenarios)


def main() -> int:
    """Run the benchmark; 1 where something could not be measured."""
    plan, writes_page = parse()
    # A run that is ended from outside ends its peers too.
    signal.signal(signal.SIGTERM, stop)
    try:
        build()
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"a C compiler is needed, and protoc: {error}")
        return 1
    found = Found()
    say("worker at rest, and codec")
    rested = measure_at_rest(plan.workers_at_rest, found)
    ratios = codec.measure(rounds=CODEC_ROUNDS, calls=CODEC_CALLS)
    run_rounds(plan, found)
    run = Run(
        command="make bench" if writes_page else "python -m bench.run " + " ".join(sys.argv[1:]),
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        rounds=found.rounds,
        machine=describe(plan.peers),
        missing=found.missing,
        failures=found.failures,
        measurements=found.measurements,
        at_rest=rested,
        codec=ratios,
    )
    measurement.write(run, RESULTS)
    print(targets_table(run))
    print(tables(run))
    if writes_page:
        measurement.write(run, RUN)
        write_page(run)
    return 1 if found.missing or found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
