"""One instance that tells everything that it can, for all tests of this directory."""

from collections.abc import AsyncGenerator

import grpc.aio
import pytest
import pytest_asyncio

from tests.stack import Vendors, configuration
from tests.telemetry.otlp import Receiver, receiving
from tests.telemetry.stage import Stage, staged


@pytest_asyncio.fixture(scope="session")
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as started:
        yield started


@pytest_asyncio.fixture(scope="session")
async def stage(
    vendors: Vendors, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Stage]:
    config = configuration(vendors) | {
        "metrics": {},
        "tracing": {"endpoint": receiver.endpoint, "sample": 1},
    }
    async with staged(config, tmp_path_factory.mktemp("telemetry")) as started:
        yield started


@pytest_asyncio.fixture(scope="session")
async def channel(stage: Stage) -> AsyncGenerator[grpc.aio.Channel]:
    async with stage.parley.channel() as opened:
        yield opened
