"""Starts the mock vendor and the peers, each in a directory of its own, and stops them with all that they started."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from bench import process_tree
from bench.build import BUILD, VENDOR
from bench.environment import node_home
from bench.peer import Peer
from bench.peers import DIRECT
from bench.scenario import BEHAVIOURS, UNARY

TEMPLATES = Path(__file__).parent / "peers"
STARTUP_SECONDS = 90
STOP_SECONDS = 10


class NotReadyError(Exception):
    """Says why a peer did not come to answer, with the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that answers."""

    peer: Peer
    port: int
    processes: tuple[int, ...]
    directory: Path
    values: Mapping[str, str]

    def headers(self, of: tuple[str, ...]) -> list[str]:
        """Return a route's headers, filled in."""
        return [Template(header).substitute(self.values) for header in of]


@contextlib.contextmanager
def mock_vendor() -> Generator[Running]:
    """Run the mock vendor, which is the peer `direct`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        process = subprocess.Popen([VENDOR], stdout=subprocess.PIPE)
        with stopped_at_end(process):
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield Running(DIRECT, port, (process.pid,), Path(directory), {"vendor": str(port)})


@contextlib.contextmanager
def started(peer: Peer, vendor_port: int) -> Generator[Running]:
    """Run a peer before the vendor. Raises NotReadyError, or NotInstalledError where it cannot be installed."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        port = free_port()
        values = {
            "port": str(port),
            "spare": str(free_port()),
            "vendor": str(vendor_port),
            "directory": str(directory),
            "build": str(BUILD),
            "python": sys.executable,
            "bin": str(Path(sys.executable).parent),
            "node": str(node_home() / "bin" / "node"),
            "installed": str(peer.installation.install()) if peer.installation else "",
            **peer.environment,
        }
        _render(peer, values, directory)
        processes: list[subprocess.Popen[bytes]] = []
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"NO_PROXY": "127.0.0.1", **peer.environment}
        with (directory / "log").open("wb") as log:
            for command in peer.commands:
                filled = [Template(part).substitute(values) for part in command]
                process = subprocess.Popen(
                    filled, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
                stack.enter_context(stopped_at_end(process))
                processes.append(process)
        running = Running(peer, port, tuple(process.pid for process in processes), directory, values)
        _wait_until_it_answers(running, processes)
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


def _render(peer: Peer, values: dict[str, str], directory: Path) -> None:
    if peer.model_entries:
        entry = Template((TEMPLATES / peer.model_entries).read_text())
        values["models"] = "".join(entry.substitute(values, behaviour=behaviour) for behaviour in BEHAVIOURS)
    for template in peer.templates:
        (directory / template).write_text(Template((TEMPLATES / template).read_text()).substitute(values))


def _wait_until_it_answers(running: Running, processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask for a completion until one comes."""
    route = running.peer.routes[UNARY.api]
    headers = dict(header.split(": ", 1) for header in running.headers(route.headers))
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}{route.path(UNARY)}",
        data=route.render(UNARY),
        headers={"Content-Type": "application/json", **headers},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    reason = ""
    end = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < end and all(process.poll() is None for process in processes):
        try:
            opener.open(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            reason = f"status {error.code}: {error.read(500).decode(errors='replace')}"
        except OSError as error:
            reason = str(error)
        else:
            return
        time.sleep(0.2)
    log = (running.directory / "log").read_text(errors="replace")
    raise NotReadyError(f"{running.peer.name} does not answer ({reason}); its log ends with:\n{log[-2000:]}")
