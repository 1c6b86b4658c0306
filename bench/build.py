"""Compiles what the benchmark is made of besides Python, where its sources are newer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import google.api

HERE = Path(__file__).parent
BUILD = HERE / "build"
LOAD = BUILD / "load"
VENDOR = BUILD / "vendor"
FLOOR_DESCRIPTORS = BUILD / "floor.binpb"
_FLOOR_PROTO = HERE / "floor" / "floor.proto"


def build() -> None:
    """Make everything up to date. Raises CalledProcessError where a compiler refuses, FileNotFoundError without one."""
    BUILD.mkdir(exist_ok=True)
    for binary in (LOAD, VENDOR):
        folder = HERE / binary.name
        if _is_older(binary, folder.glob("*.[ch]")):
            flags = ("-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra")
            subprocess.run(["cc", *flags, "-o", binary, *sorted(folder.glob("*.c"))], check=True)
    if _is_older(FLOOR_DESCRIPTORS, (_FLOOR_PROTO,)):
        _compile_floor()


def _compile_floor() -> None:
    google_protos = Path(next(iter(google.api.__path__))).parent.parent
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE.parent}", f"-I{google_protos}"]
    command += [f"--python_out={HERE.parent}", f"--pyi_out={HERE.parent}"]
    command += ["--include_imports", f"--descriptor_set_out={FLOOR_DESCRIPTORS}", str(_FLOOR_PROTO)]
    subprocess.run(command, check=True)


def _is_older(made: Path, sources: Iterable[Path]) -> bool:
    return not made.exists() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources)
