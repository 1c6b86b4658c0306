"""One Envoy and one worker for all tests of this directory; a test that breaks either starts its own."""

from collections.abc import AsyncIterator

import aiohttp
import grpc
import pytest
import pytest_asyncio

from gateway.render import worker_socket
from tests.gateway.edge import Edge, running_edge, runtime_directory
from tests.gateway.worker import Script, serving


@pytest_asyncio.fixture(scope="session")
async def shared() -> AsyncIterator[tuple[Edge, Script]]:
    script = Script()
    with runtime_directory() as directory:
        async with serving(worker_socket(directory, 0), script), running_edge(directory) as edge:
            yield edge, script


@pytest.fixture
def edge(shared: tuple[Edge, Script]) -> Edge:
    return shared[0]


@pytest.fixture
def worker(shared: tuple[Edge, Script]) -> Script:
    """The worker, as it was before any test scripted it."""
    fresh, script = Script(), shared[1]
    script.chat, script.create, script.stream, script.get_model = (
        fresh.chat,
        fresh.create,
        fresh.stream,
        fresh.get_model,
    )
    script.seen = []
    return script


@pytest_asyncio.fixture
async def http(edge: Edge) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(edge.url) as session:
        yield session


@pytest_asyncio.fixture
async def channel(edge: Edge) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(edge.target) as channel:
        yield channel
