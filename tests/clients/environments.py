"""Virtual environments of the client lanes, because clients pin versions that the service and each other cannot share.

`python -m tests.clients.environments` makes what is missing or out of date; with `--lock` it first pins anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent.parent / ".venvs"
PYTHON_VERSION = "3.11"


@dataclass(frozen=True, slots=True)
class Lane:
    """One client at one version, and the script that drives it."""

    name: str
    requirement: str
    script: str

    @property
    def lock(self) -> Path:
        """The hashed lock file of this lane."""
        return HERE / f"{self.name}.lock"

    @property
    def script_path(self) -> Path:
        """The script, to be run with this lane's interpreter."""
        return HERE / self.script

    @property
    def directory(self) -> Path:
        """Where this lane's environment is."""
        return ENVIRONMENTS / self.name

    @property
    def python(self) -> Path:
        """The lane's interpreter; exists once `make_environment` has returned."""
        return self.directory / "bin" / "python"


LANES = (
    Lane("openai", "openai==3.54.0", "lane_openai.py"),
    Lane("scale_gp_a56", "scale-gp==0.1.0a56", "lane_scale_gp.py"),
    Lane("scale_gp", "scale-gp==0.1.0a62", "lane_scale_gp.py"),
    Lane("scale_gp_beta", "scale-gp-beta==0.7.0", "lane_scale_gp_beta.py"),
)

JUDGES = (
    Lane("anthropic", "anthropic==2.12.0", "../sdk/anthropic.py"),
    Lane("gemini", "google-genai==3.4.0", "../sdk/gemini.py"),
    Lane("cohere", "cohere==7.3.1", "../sdk/cohere.py"),
    Lane("mistral", "mistralai==3.7.0", "../sdk/mistral.py"),
    Lane("xai", "xai-sdk==1.21.0", "../sdk/xai.py"),
)
"""Vendors' own clients, by which tests/backends judges what dialects write and read."""


def write_lock(lane: Lane) -> None:
    """Resolve the lane's requirement into its lock file."""
    resolved = subprocess.run(
        (
            *(find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes"),
            *("--no-emit-index-url", "--no-emit-find-links", "--no-header"),
            *("--prerelease", "if-necessary-or-explicit", "--python-version", PYTHON_VERSION, "-"),
        ),
        input=lane.requirement,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lane.lock.write_text(resolved.stdout)


def is_current(lane: Lane) -> bool:
    """Whether the lane's environment was made, to its end, from the present lock file."""
    installed = lane.directory / lane.lock.name
    return installed.exists() and installed.read_bytes() == lane.lock.read_bytes()


def make_environment(lane: Lane) -> None:
    """Make the lane's environment anew unless it is current. Needs the package index where packages are not cached."""
    if is_current(lane):
        return
    print(f"{lane.name}: installing {lane.requirement}", file=sys.stderr, flush=True)
    uv = find_uv_bin()
    subprocess.run(
        (uv, "venv", "--quiet", "--clear", "--python", PYTHON_VERSION, lane.directory),
        stdin=subprocess.DEVNULL,
        check=True,
    )
    subprocess.run(
        (uv, "pip", "sync", "--quiet", "--require-hashes", "--python", lane.python, lane.lock),
        stdin=subprocess.DEVNULL,
        check=True,
    )
    # Written last: an interrupted installation is not taken for a finished one.
    (lane.directory / lane.lock.name).write_bytes(lane.lock.read_bytes())


def main() -> None:
    """Make every lane's environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="pin the requirements anew before installing")
    arguments = parser.parse_args()
    for lane in (*LANES, *JUDGES):
        if arguments.lock:
            write_lock(lane)
        make_environment(lane)
        print(f"{lane.name}: ready in {lane.directory}", flush=True)


if __name__ == "__main__":
    main()
