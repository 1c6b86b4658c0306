"""Makes the images' lock files out of the development lock: the versions that are tested, and nothing else of it.

`python -m k8s.locks` writes them; `make lock` does so after it has made the development lock.
"""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "requirements"
_UV = Path(sys.executable).parent / "uv"
_OURS = "parley-protos"


def wanted() -> Mapping[str, tuple[str, ...]]:
    """Each lock file, and the requirements that it is for."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = cast("dict[str, object]", tomllib.load(file)["project"])
    own = [each for each in cast("list[str]", project["dependencies"]) if each != _OURS]
    extras = cast("dict[str, list[str]]", project["optional-dependencies"])
    return {
        "service.lock": (*own, *extras["bedrock"]),
        "local.lock": tuple(extras["local"]),
        # The hook and the configuration's reader, beside Envoy.
        "gateway.lock": (*extras["gateway"], *(each for each in own if each.startswith("pyyaml"))),
        # What the project's wheels are built with.
        "build.lock": tuple(each for each in extras["dev"] if each.startswith("setuptools")),
    }


def main() -> int:
    """Write the lock files of the images; raises where the development lock does not have what they need."""
    flags = ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
    nowhere = ["--no-emit-index-url", "--no-emit-find-links"]
    for name, requirements in wanted().items():
        command = [
            _UV,
            "pip",
            "compile",
            *flags,
            *nowhere,
            "-c",
            "requirements/dev.lock",
            "-o",
            f"requirements/{name}",
            "-",
        ]
        subprocess.run(command, cwd=ROOT, input="\n".join(requirements), text=True, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
