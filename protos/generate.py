"""Generates the stubs beside the .proto files: `python protos/generate.py`."""

import sys
from pathlib import Path

import google.api
import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).parent


def main() -> int:
    """Write *_pb2.py and its types for every file, and *_pb2_grpc.py and its types for every service."""
    protos = sorted(path.relative_to(ROOT) for path in ROOT.glob("parley/**/*.proto"))
    services = [path for path in protos if path.stem.endswith("_service")]
    google_protos = Path(next(iter(google.api.__path__))).parent.parent
    well_known = Path(next(iter(grpc_tools.__path__))) / "_proto"
    common = ["protoc", f"-I{ROOT}", f"-I{google_protos}", f"-I{well_known}"]
    # Of another's API, and no part of the contract.
    wire = (Path("service/backends/xai_grpc/wire.proto"),)
    for flags, sources in (
        ((f"--python_out={ROOT}", f"--pyi_out={ROOT}"), protos),
        ((f"--grpc_python_out={ROOT}", f"--mypy_grpc_out=quiet:{ROOT}"), services),
        ((f"-I{ROOT.parent}", f"--python_out={ROOT.parent}", f"--pyi_out={ROOT.parent}"), wire),
    ):
        if code := protoc.main([*common, *flags, *map(str, sources)]):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
