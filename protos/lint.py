"""Lints the contract and refuses changes that break its callers: `python protos/lint.py --base REVISION`."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent
DESCRIPTORS = ROOT.parent / "gateway" / "parley.binpb"


def main() -> int:
    """Run buf over the committed descriptor set, against that of an earlier revision."""
    parser = argparse.ArgumentParser(
        description=main.__doc__, epilog="example: python protos/lint.py --base origin/main"
    )
    parser.add_argument("--base", default="HEAD", help="the revision whose callers must still work (default: HEAD)")
    base: str = parser.parse_args().base
    config = ["--config", str(ROOT / "buf.yaml")]
    lint = subprocess.run(["buf", "lint", str(DESCRIPTORS), *config], check=False)
    earlier = subprocess.run(
        ["git", "show", f"{base}:./{DESCRIPTORS.name}"], cwd=DESCRIPTORS.parent, capture_output=True, check=False
    )
    if earlier.returncode:
        print(f"no contract in {base} to compare with", file=sys.stderr)
        return lint.returncode
    with tempfile.NamedTemporaryFile(suffix=".binpb") as file:
        file.write(earlier.stdout)
        file.flush()
        breaking = subprocess.run(
            ["buf", "breaking", str(DESCRIPTORS), "--against", file.name, *config, "--exclude-imports"], check=False
        )
    return lint.returncode or breaking.returncode


if __name__ == "__main__":
    sys.exit(main())
