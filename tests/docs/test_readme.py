"""What the README says is copied out and run."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from service.config.load import parse
from service.routing.table import build
from tests.stack import Parley, running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LISTENS = "127.0.0.1:8080"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def default(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Parley]:
    """What `make run` starts: no configuration."""
    async with running({}, tmp_path_factory.mktemp("default")) as started:
        yield started


async def output(parley: Parley, folder: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(part.replace(LISTENS, parley.grpc_target) for part in command),
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PARLEY_SERVER": parley.grpc_target,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, error.decode()
    return out.decode()


async def test_the_command_that_parley_up_prints_works(default: Parley, tmp_path: Path) -> None:
    command = default.stdout[default.stdout.index("curl") :]
    answer = await output(default, tmp_path, "bash", "-c", command)
    assert answer.rstrip().endswith("data: [DONE]")


async def test_the_curl_command_streams_tokens(default: Parley, tmp_path: Path) -> None:
    (command,) = [block for block in blocks("sh") if block.startswith("curl")]
    answer = await output(default, tmp_path, "bash", "-c", command)
    assert answer.rstrip().endswith("data: [DONE]")
    assert answer.count("data: {") > 3


@pytest.mark.parametrize("block", blocks("python"), ids=["openai", "grpc"])
async def test_the_python_callers_print_an_answer(default: Parley, tmp_path: Path, block: str) -> None:
    assert (await output(default, tmp_path, sys.executable, "-c", block)).strip()


async def test_the_commands_print_an_answer(default: Parley, tmp_path: Path) -> None:
    for command in re.findall(r"`(\.venv/bin/parley (?:chat|models)[^`]*)`", README):
        assert (await output(default, tmp_path, "bash", "-c", command.removeprefix(".venv/bin/"))).strip()


async def test_the_example_service_prints_an_answer(default: Parley, tmp_path: Path) -> None:
    script = ROOT / "examples" / "calling_service" / "summarize.py"
    assert (await output(default, tmp_path, sys.executable, str(script), "Parley speaks gRPC and REST.")).strip()


def test_the_configuration_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    (text,) = blocks("yaml")
    assert build(parse(re.sub(r"<64 hex.*?>", "0" * 64, text)))


def test_the_commands_that_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", README, re.MULTILINE)) <= targets


def test_the_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link
