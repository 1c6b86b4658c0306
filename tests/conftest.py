"""One running Parley for all tests that go through the whole of it."""

from collections.abc import AsyncGenerator

import grpc.aio
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from tests.stack import Parley, Vendors, configuration, running
from tests.vendor import Vendor, play_fake_models, vendor_thread

# How fast examples are made says something of the machine, and nothing of what is tested.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")


@pytest_asyncio.fixture(scope="session")
async def vendors() -> AsyncGenerator[Vendors]:
    with vendor_thread() as canned:
        play_fake_models(canned)
        async with Vendor.start() as scripted:
            yield Vendors(canned, scripted)


@pytest_asyncio.fixture(scope="session")
async def parley(vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Parley]:
    config = {**configuration(vendors), "aliases": {"team": "mixed"}}
    async with running(config, tmp_path_factory.mktemp("parley")) as started:
        yield started


@pytest_asyncio.fixture(scope="session")
async def channel(parley: Parley) -> AsyncGenerator[grpc.aio.Channel]:
    async with parley.channel() as opened:
        yield opened
