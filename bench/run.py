"""Runs every scenario on every peer in turn, round after round, so that the machine's noise falls on all alike.

`python -m bench.run` takes under two minutes, prints a table and writes bench/results/latest.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from bench import process_tree, report
from bench.peer import DIRECT, HERE, PEERS, ROOT, Peer
from bench.scenario import SCENARIOS, Scenario

BUILD = HERE / "build"
RESULTS = HERE / "results" / "latest.json"
STARTUP_SECONDS = 30
STOP_SECONDS = 10
WARM_UP_SECONDS = 0.5
LOAD_PATIENCE_SECONDS = 20
"""How long a load may outlast its own time: the generator waits for the answers still under way."""


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that answers."""

    peer: Peer
    port: int
    process: int
    directory: Path

    def load(self, scenario: Scenario, seconds: float) -> report.Load:
        """Put the peer under load."""
        body = self.directory / "body.json"
        body.write_bytes(scenario.body(self.peer.model_prefix))
        command = [str(BUILD / "load"), "-p", str(self.port), "-b", str(body)]
        command += ["-c", str(scenario.connections), "-d", str(seconds)]
        if scenario.rate is not None:
            command += ["-r", str(scenario.rate)]
        for header in self.peer.headers:
            command += ["-H", header]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=seconds + LOAD_PATIENCE_SECONDS)
        return json.loads(done.stdout)

    def measure(self, scenario: Scenario, round_number: int) -> report.Measurement:
        """Warm the peer up, then measure it."""
        if scenario.rate is None:
            self.load(scenario, WARM_UP_SECONDS)
        before = process_tree.cpu_seconds(self.process)
        load = self.load(scenario, scenario.seconds)
        used = process_tree.cpu_seconds(self.process) - before
        memory = process_tree.peak_megabytes(self.process)
        return report.Measurement(round_number, scenario.name, self.peer.name, used, memory, load)


def build() -> None:
    """Compile the vendor and the load generator where their sources are newer."""
    BUILD.mkdir(exist_ok=True)
    for name in ("mock_vendor", "load"):
        source, binary = HERE / f"{name}.c", BUILD / name
        if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-std=c11", "-Wall", "-Wextra", "-o", binary, source], check=True)


@contextlib.contextmanager
def mock_vendor() -> Generator[Running]:
    """Run the mock vendor, which is the peer `direct`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        process = subprocess.Popen([BUILD / "mock_vendor"], stdout=subprocess.PIPE)
        with stopped_at_end(process):
            assert process.stdout is not None
            yield Running(DIRECT, int(process.stdout.readline()), process.pid, Path(directory))


@contextlib.contextmanager
def started(peer: Peer, vendor: Running) -> Generator[Running]:
    """Run a peer before the vendor; RuntimeError, with the end of its log, where it does not come to answer."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        port = free_port()
        command = peer.render(port, vendor.port, directory)
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | peer.environment, stdout=log, stderr=log, start_new_session=True
            )
        with stopped_at_end(process):
            running = Running(peer, port, process.pid, directory)
            wait_until_it_answers(running, process)
            yield running


@contextlib.contextmanager
def stopped_at_end(process: subprocess.Popen[bytes]) -> Generator[None]:
    """Stop a process in the end, with all that it started if it does not see to that itself."""
    try:
        yield
    finally:
        below = process_tree.descendants(process.pid)[1:]
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            for child in below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, 9)
        if process.stdout is not None:
            process.stdout.close()


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_answers(running: Running, process: subprocess.Popen[bytes]) -> None:
    """Ask for a completion until one comes."""
    headers = dict(header.split(": ", 1) for header in running.peer.headers)
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/v1/chat/completions",
        data=SCENARIOS[0].body(running.peer.model_prefix),
        headers={"Content-Type": "application/json", **headers},
    )
    reason = ""
    end = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            reason = f"status {error.code}: {error.read(500).decode(errors='replace')}"
        except OSError as error:
            reason = str(error)
        else:
            return
        time.sleep(0.2)
    log = (running.directory / "log").read_text(errors="replace")
    msg = f"{running.peer.name} does not answer ({reason}); its log ends with:\n{log[-2000:]}"
    raise RuntimeError(msg)


def main() -> int:
    """Run the benchmark; 1 where a peer could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=110, help="start no measurement after so long")
    parser.add_argument("--peers", nargs="+", choices=[peer.name for peer in PEERS], help="default: all")
    arguments = parser.parse_args()
    wanted = [peer for peer in PEERS if arguments.peers is None or peer.name in arguments.peers]
    end = time.monotonic() + arguments.seconds
    measurements: list[report.Measurement] = []
    missing = False
    build()
    with contextlib.ExitStack() as stack:
        vendor = stack.enter_context(mock_vendor())
        running: list[Running] = []
        for peer in wanted:
            try:
                running.append(vendor if peer is DIRECT else stack.enter_context(started(peer, vendor)))
            except RuntimeError as error:
                print(error, file=sys.stderr)
                missing = True
        for round_number in range(arguments.rounds):
            for scenario in SCENARIOS:
                for peer in running:
                    if time.monotonic() > end:
                        print(f"no time left for {scenario.name} on {peer.peer.name}", file=sys.stderr)
                        continue
                    measurements.append(peer.measure(scenario, round_number))
                    print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(report.table(measurements))
    report.write(measurements, RESULTS)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
