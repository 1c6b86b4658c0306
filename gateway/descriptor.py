"""Builds the descriptor set of the contract, which is committed: Envoy transcodes by it and buf lints it.

`python -m gateway.descriptor` writes it; with `--check` it only says whether the committed one is fresh.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import google.api

from gateway.render import DESCRIPTOR_SET

_PROTOS = Path(__file__).parent.parent / "protos"
_STATUS_DETAILS = "google/rpc/error_details.proto"
"""What the service puts into google.rpc.Status: the transcoder drops a status with a detail that it does not know."""


def build(protos: Path = _PROTOS) -> bytes:
    """Compiles every .proto below `protos`; the same sources and compiler give the same bytes.

    Needs the development dependency grpcio-tools. Raises subprocess.CalledProcessError where protoc refuses a file.
    """
    sources = sorted(path.relative_to(protos).as_posix() for path in protos.glob("parley/**/*.proto"))
    google_protos = Path(next(iter(google.api.__path__))).parent.parent
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "set.binpb"
        flags = ["--include_imports", "--include_source_info", f"--descriptor_set_out={out}"]
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{protos}",
            f"-I{google_protos}",
            *flags,
            *sources,
            _STATUS_DETAILS,
        ]
        subprocess.run(command, check=True)
        return out.read_bytes()


def main() -> int:
    """Writes the descriptor set, or checks that it is fresh; the exit status is 1 where it is not."""
    parser = argparse.ArgumentParser(prog="python -m gateway.descriptor", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    check: bool = parser.parse_args().check
    built = build()
    if not check:
        DESCRIPTOR_SET.write_bytes(built)
    elif not DESCRIPTOR_SET.exists() or DESCRIPTOR_SET.read_bytes() != built:
        print(f"{DESCRIPTOR_SET.name} is stale: run `python -m gateway.descriptor`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
