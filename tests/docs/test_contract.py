"""The contract stands alone: a calling service needs protos/ and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parents[2]


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_it_installs_by_itself_and_the_example_needs_no_more(tmp_path: Path) -> None:
    uv = find_uv_bin()
    python = tmp_path / "env" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "env"))
    lock = str(ROOT / "requirements" / "dev.lock")
    # Of a copy, as building leaves files beside the sources.
    protos = shutil.copytree(ROOT / "protos", tmp_path / "protos")
    run(uv, "pip", "install", "--quiet", "--python", str(python), "-c", lock, str(protos))
    listed = run(uv, "pip", "list", "--python", str(python), "--format", "freeze")
    names = {line.partition("==")[0].partition(" ")[0] for line in listed.splitlines()}
    assert names == {"googleapis-common-protos", "grpcio", "parley-protos", "protobuf", "typing-extensions"}
    # Nobody listens there: the example says so in the contract's terms, having imported all that it needs.
    example = subprocess.run(
        [str(python), str(ROOT / "examples" / "calling_service" / "summarize.py"), "x"],
        env={"PARLEY_SERVER": "127.0.0.1:1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert example.returncode == 1
    assert example.stderr.startswith("UNAVAILABLE")
