"""A Parley at the edge, before two others: the one that all tests share, and one that may be killed."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import grpc.aio
import pytest
import pytest_asyncio

from service.auth import hash_key
from tests.stack import API_KEY, LIMITED_KEY, Parley, Vendors, configuration, running
from tests.vendor import unused_port


@dataclass(frozen=True, slots=True)
class Chain:
    """Both ends of it."""

    edge: Parley
    regional: Parley
    """Also reached directly, as `eu` at the edge, with keys: `eu` good, `stranger` bad, `narrow` for fake/* alone."""
    mortal: Parley
    """`mortal` at the edge."""
    near: grpc.aio.Channel
    """To the edge."""
    far: grpc.aio.Channel
    """To the regional one."""


@pytest_asyncio.fixture(scope="session")
async def chain(parley: Parley, vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Chain]:
    scripted = configuration(vendors)
    short = {
        "keys": scripted["keys"],
        "vendors": scripted["vendors"],
        "models": {"scripted/*": {"retries": {"attempts": 0}}, "fake/ok": {}},
    }
    folder = tmp_path_factory.mktemp("chain")
    for name, key in (("good", API_KEY), ("bad", "parley-nobody-knows-this-key"), ("narrow", LIMITED_KEY)):
        (folder / name).write_text(key)
    async with running(short, tmp_path_factory.mktemp("mortal")) as mortal:

        def vendor(port: int, key: str, **more: object) -> dict[str, object]:
            return {
                "dialect": "parley",
                "base_url": f"grpc://127.0.0.1:{port}",
                "api_key": {"file": str(folder / key)},
                **more,
            }

        once = {"retries": {"attempts": 0}}
        edge_config: dict[str, object] = {
            "keys": [{"name": "tests", "sha256": hash_key(API_KEY)}],
            "vendors": {
                "eu": vendor(parley.port, "good"),
                "stranger": vendor(parley.port, "bad"),
                "narrow": vendor(parley.port, "narrow"),
                "brief": vendor(parley.port, "good", timeouts={"first_token": "1s", "between_chunks": "1s"}),
                "mortal": vendor(mortal.port, "good"),
                "gone": vendor(unused_port(), "good"),
            },
            "models": {f"{name}/*": once for name in ("eu", "stranger", "narrow", "brief", "mortal", "gone")},
        }
        async with (
            running(edge_config, tmp_path_factory.mktemp("edge")) as edge,
            edge.channel() as near,
            parley.channel() as far,
        ):
            yield Chain(edge, parley, mortal, near, far)
