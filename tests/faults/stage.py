"""What the suite runs against: the faulty vendor in a process of its own, and `parley up` in front of it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from service.auth import hash_key
from tests.faults.callers import Callers, calling
from tests.faults.fault import BETWEEN_CHUNKS, CONNECT, FIRST_TOKEN, LONG_TOTAL, TOTAL
from tests.stack import API_KEY, VENDOR_KEY, ConfigData, Parley
from tests.variant import Variant, chosen
from tests.vendor import unused_port

_ROOT = Path(__file__).parents[2]
_READY_S = 90.0


@dataclass(frozen=True, slots=True)
class Count:
    """What came and went, as the vendor knows it."""

    requests: int
    live: int
    sent: int
    left: int


@dataclass(frozen=True, slots=True)
class VendorProcess:
    """The faulty vendor, and how it takes orders."""

    process: asyncio.subprocess.Process
    ports: Mapping[str, int]
    session: aiohttp.ClientSession

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}/v1"

    async def count(self, model: str = "") -> Count:
        """Of one model, or of all."""
        return Count(**await self._order(f"count/{model}"))

    async def live(self, number: int) -> None:
        """Returns when exactly so many answers are under way."""
        await self._order(f"live/{number}")

    async def quiet(self) -> None:
        """Returns when no answer is under way."""
        await self.live(0)

    async def open_gate(self, name: str) -> None:
        await self._order(f"open/{name}")

    async def _order(self, order: str) -> dict[str, int]:
        async with self.session.get(f"http://127.0.0.1:{self.ports['main']}/control/{order}") as response:
            return await response.json()


@dataclass(frozen=True, slots=True)
class Stage:
    """One instance, its vendor and its callers."""

    parley: Parley
    vendor: VendorProcess
    callers: Callers


def configuration(vendor: VendorProcess, *, workers: int = 1, local: bool = False) -> ConfigData:
    """Vendors by their deadlines: `faulty`'s are short, `limited` has a short total, `patient`'s are long.

    `again` has those of `faulty`, a retry and a fallback.
    """
    short = {"first_token": f"{FIRST_TOKEN:g}s", "between_chunks": f"{BETWEEN_CHUNKS:g}s"}
    totals = {"limited": TOTAL}
    # Elsewhere a busy machine, on which a connection takes its time, would be told as what the vendor does.
    connects = {"deaf": {"connect": f"{CONNECT:g}s"}}
    ports = {
        "faulty": "main",
        "limited": "main",
        "refusing": "refusing",
        "resetting": "resetting",
        "deaf": "deaf",
        "again": "main",
    }
    vendors: dict[str, object] = {
        name: {
            "dialect": "openai",
            "base_url": vendor.url(port),
            "timeouts": {**short, **connects.get(name, {}), "total": f"{totals.get(name, LONG_TOTAL):g}s"},
            "api_key": {"env": "FAULT_KEY"},
        }
        for name, port in ports.items()
    }
    return {
        "workers": workers,
        "keys": [{"name": "faults", "sha256": hash_key(API_KEY)}],
        "vendors": {
            **vendors,
            "patient": {"dialect": "openai", "base_url": vendor.url("main"), "api_key": {"env": "FAULT_KEY"}},
        },
        "models": {
            **{f"{name}/*": {"retries": {"attempts": 0}} for name in (*ports, "patient") if name != "again"},
            "again/*": {
                "retries": {"attempts": 1, "backoff": "10ms", "budget": 1.0},
                "fallback": ["faulty/good"],
            },
            **({"local/smollm2-135m-instruct": {}} if local else {}),
        },
    }


@contextlib.asynccontextmanager
async def vending() -> AsyncGenerator[VendorProcess]:
    """The faulty vendor until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.vendor",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=_ROOT, env=_environment({}),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ports = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession() as session:
            yield VendorProcess(process, ports, session)
    finally:
        process.stdin.close()
        await process.wait()


@contextlib.asynccontextmanager
async def running(config: ConfigData, folder: Path, env: Mapping[str, str] | None = None) -> AsyncGenerator[Parley]:
    """`parley up` until the block ends, then SIGTERM.

    :param env: variables for it and all its processes.
    """
    port = unused_port()
    file = folder / "parley.yaml"
    file.write_text(chosen().text(config))
    log = folder / "parley.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service.cli.main", "up", "--config", str(file), "--port", str(port),
            stdout=asyncio.subprocess.PIPE, stderr=stderr, cwd=_ROOT, env=_environment(env or {}),
        )  # fmt: skip
        try:
            assert process.stdout is not None
            said = b""
            async with asyncio.timeout(_READY_S):
                while b"data" not in said and (line := await process.stdout.readline()):
                    said += line
            assert said, log.read_text()
            yield Parley(port, process, said.decode(), log)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    *,
    workers: int = 1,
    local: bool = False,
    env: Mapping[str, str] | None = None,
    variant: Variant | None = None,
) -> AsyncGenerator[Stage]:
    """All of it.

    :param variant: how it is run. Default: as the environment chooses.
    """
    own = variant.settings if variant else {}
    async with (
        vending() as vendor,
        running({**configuration(vendor, workers=workers, local=local), **own}, folder, env) as parley,
        calling(parley) as callers,
    ):
        yield Stage(parley, vendor, callers)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    paths = (*more.get("PYTHONPATH", "").split(os.pathsep), str(_ROOT), str(_ROOT / "protos"))
    return {**os.environ, "FAULT_KEY": VENDOR_KEY, **more, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
