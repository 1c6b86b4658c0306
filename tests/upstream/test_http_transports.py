"""Which transport is made, and that the other costs nothing where it is not chosen."""

import subprocess
import sys
from typing import get_args

import pytest

from service.config.model import TransportName
from service.upstream import HttpTransport, http_transport
from service.upstream.aiohttp_transport import AiohttpTransport

MADE: dict[TransportName, type] = {"built-in": HttpTransport, "aiohttp": AiohttpTransport}


def test_all_are_here() -> None:
    assert set(get_args(TransportName)) == set(MADE)


@pytest.mark.parametrize("name", get_args(TransportName))
async def test_the_one_that_is_named_is_made(name: TransportName) -> None:
    transport = http_transport(name)
    assert transport.__class__ is MADE[name]
    await transport.close()


@pytest.mark.parametrize("name", get_args(TransportName))
def test_aiohttp_is_loaded_only_where_it_is_chosen(name: TransportName) -> None:
    code = (
        "import asyncio, sys, service.worker\n"
        "from service.upstream import http_transport\n"
        "async def make():\n"
        f"    await http_transport({name!r}).close()\n"
        "asyncio.run(make())\n"
        "print('aiohttp' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(name == "aiohttp")
