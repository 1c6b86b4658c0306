"""Parley in front of the vLLM that the lane has started."""

import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import aiohttp
import grpc.aio
import pytest
import pytest_asyncio

from service.auth import hash_key
from tests.stack import API_KEY, ConfigData, Parley, running
from tests.vllm.lane import PAGE_VARIABLE, URL_VARIABLE
from tests.vllm.page import Row, write
from tests.vllm.server import MODEL
from tests.vllm.talk import Vllm

_ROWS = pytest.StashKey[list[Row]]()
_VERSION = pytest.StashKey[str]()

Note = Callable[[str, str, str], None]
"""Takes down the field, what was asked, and what came."""


def _configuration(root: str) -> ConfigData:
    base = {"dialect": "vllm", "base_url": f"{root}/v1", "api_key": {"env": "FAKE_KEY"}}
    vendors = {
        "vllm": base,
        # What happens where somebody configures a version that the server does not have.
        "old": {**base, "vllm_version": "0.10"},
        "keyless": {"dialect": "vllm", "base_url": f"{root}/v1"},
    }
    return {
        "keys": [{"name": "tests", "sha256": hash_key(API_KEY)}],
        "vendors": vendors,
        "models": {**{f"{vendor}/{MODEL}": {} for vendor in vendors}, "vllm/nothing": {}},
    }


@pytest_asyncio.fixture(scope="session")
async def vllm(request: pytest.FixtureRequest) -> AsyncGenerator[Vllm]:
    """vLLM itself, without Parley."""
    root = os.environ.get(URL_VARIABLE)
    if root is None:
        pytest.exit("these tests need a vLLM: make test-vllm", returncode=pytest.ExitCode.USAGE_ERROR)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=100)) as session:
        server = Vllm(root, session)
        request.config.stash[_VERSION] = await server.version()
        yield server


@pytest_asyncio.fixture(scope="session")
async def parley(vllm: Vllm, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Parley]:
    async with running(_configuration(vllm.root), tmp_path_factory.mktemp("parley")) as started:
        yield started


@pytest_asyncio.fixture(scope="session")
async def channel(parley: Parley) -> AsyncGenerator[grpc.aio.Channel]:
    async with parley.channel() as opened:
        yield opened


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    rows = request.config.stash.setdefault(_ROWS, [])

    def take_down(field: str, asked: str, came: str) -> None:
        rows.append(Row(field, asked, came))

    return take_down


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the page where everything ran and passed."""
    page = os.environ.get(PAGE_VARIABLE)
    if page and exitstatus == 0:
        write(Path(page), session.config.stash[_VERSION], session.config.stash[_ROWS])
