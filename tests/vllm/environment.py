"""The lane's own virtual environment, from a hashed lock file: vLLM for the processor, without anything of CUDA.

`python -m tests.vllm.environment --lock` pins anew.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

HERE = Path(__file__).parent
DIRECTORY = HERE.parent.parent / ".venvs" / "vllm"
PYTHON = DIRECTORY / "bin" / "python"
LOCK = HERE / "requirements.lock"
REQUIREMENTS = HERE / "requirements.in"
OVERRIDES = HERE / "overrides.txt"
PYTHON_VERSION = "3.11"

_NEVER = re.compile(r"^(nvidia-\S*|cuda-\S*|triton|vllm|torchvision|torchaudio)==", re.MULTILINE)
"""What overrides.txt keeps out: four more gigabytes, and a second `vllm` that would hide the first."""

_NO_TORCH = (
    "The lane needs torch's build for the processor (its version ends in +cpu), which the usual package index does not "
    "have. Name a directory or a page that has it in PIP_FIND_LINKS or UV_FIND_LINKS, or an index in UV_INDEX."
)


def make() -> None:
    """Makes the environment anew unless it is current: 1.9 GB. Exits with a hint where a package cannot be had."""
    installed = DIRECTORY / LOCK.name
    if installed.exists() and installed.read_bytes() == LOCK.read_bytes():
        return
    print(f"vllm: installing into {DIRECTORY} (1.9 GB)", flush=True)
    _uv("venv", "--quiet", "--clear", "--python", PYTHON_VERSION, DIRECTORY)
    _uv("pip", "sync", "--quiet", "--require-hashes", "--python", PYTHON, LOCK)
    # Written last: an interrupted installation is not taken for a finished one.
    installed.write_bytes(LOCK.read_bytes())


def lock() -> None:
    """Resolves the requirements into the lock file. Exits where something of CUDA has come in."""
    _uv(
        *("pip", "compile", "--quiet", "--upgrade", "--python-version", PYTHON_VERSION, "--override", OVERRIDES),
        *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
        *(REQUIREMENTS, "--output-file", LOCK),
    )
    if found := _NEVER.findall(LOCK.read_text()):
        sys.exit(f"vllm: {', '.join(found)} must not be in {LOCK.name}")


def _uv(*arguments: str | Path) -> None:
    # uv does not read pip's name for it.
    links = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS")
    environment = {**os.environ, "UV_FIND_LINKS": links} if links else {**os.environ}
    try:
        subprocess.run(
            (find_uv_bin(), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        sys.exit(f"vllm: uv ended with status {error.returncode}. {_NO_TORCH}")


def main() -> None:
    """Makes the environment, after pinning anew where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="pin the requirements anew before installing")
    if parser.parse_args().lock:
        lock()
    make()


if __name__ == "__main__":
    main()
