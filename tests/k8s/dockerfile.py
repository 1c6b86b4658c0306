"""Carries out a stage of a Dockerfile without Docker: the same steps, with the image's directories in one of ours."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OURS = ("/opt/parley", "/tmp/", "/src")
_UNCACHED = ("UV_NO_CACHE", "PIP_NO_CACHE_DIR")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a stage."""

    name: str
    argument: str


def stages(file: Path) -> Mapping[str, list[Step]]:
    """The stages by name, each with the steps of those that it is built on."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, list[Step]] = {}
    steps: list[Step] = []
    for line in filter(None, text.splitlines()):
        name, _, argument = line.partition(" ")
        if name == "FROM":
            source, _, stage = argument.partition(" AS ")
            steps = found[stage] = list(found.get(source, ()))
        else:
            steps.append(Step(name, " ".join(argument.split())))
    return found


@dataclass(frozen=True, slots=True)
class Image:
    """A directory that stands for an image's root."""

    root: Path

    def place(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def run(self, steps: list[Step]) -> None:
        """Carries the steps out. CalledProcessError where one fails."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.place("/tmp").mkdir(parents=True)
        binaries = self.place("/usr/local/bin")
        binaries.mkdir(parents=True)
        (binaries / "python").symlink_to(Path(sys.base_prefix) / "bin" / "python3.11")
        variables = {"PATH": f"{binaries}:/usr/bin:/bin"}
        workdir = self.root
        for step in steps:
            match step.name:
                case "ENV":
                    variables |= dict(pair.split("=", 1) for pair in shlex.split(step.argument))
                case "WORKDIR":
                    workdir = self.place(step.argument)
                    workdir.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(step.argument, workdir)
                case "RUN":
                    # The packages need not come over the network again for each test.
                    kept = {name: value for name, value in variables.items() if name not in _UNCACHED}
                    environment = {**os.environ, **kept}
                    subprocess.run(
                        ["sh", "-euc", self._translated(step.argument)], cwd=workdir, env=environment, check=True
                    )
                case _:
                    pass

    def _copy(self, argument: str, workdir: Path) -> None:
        *sources, target = argument.split()
        directory = self.place(target) if target.startswith("/") else workdir / target
        directory.mkdir(parents=True, exist_ok=True)
        for pattern in sources:
            matching = list(ROOT.glob(pattern.rstrip("/")))
            assert matching, f"COPY {pattern}: there is no such file"
            for source in matching:
                if source.is_dir():
                    shutil.copytree(source, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, directory)

    def _translated(self, command: str) -> str:
        # Once for all of them: ours may be below one of theirs.
        return re.sub(rf"(?<![\w./])(?={'|'.join(map(re.escape, _OURS))})", str(self.root), command)
