"""Parley as a user starts it: `parley up`, with a real Envoy and the real model, on ports of the kernel's choice."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio

from service.auth import hash_key
from tests.variant import chosen
from tests.vendor import Vendor, unused_port

API_KEY = "parley-test-key-of-the-tests"
LIMITED_KEY = "parley-test-key-for-one-model"
NAMED_KEY = "parley-test-key-for-a-name-of-ones-own"
GUARDED_KEY = "parley-test-key-without-its-fallbacks"
VENDOR_KEY = "sk-planted-vendor-key-0123456789"
LOCAL_MODEL = "local/smollm2-135m-instruct"

ConfigData = dict[str, object]


@dataclass(frozen=True, slots=True)
class Parley:
    """One running instance."""

    port: int
    process: asyncio.subprocess.Process
    stdout: str
    """What `parley up` said until it was ready."""
    log: Path
    """Its stderr."""
    api_key: str = API_KEY

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def grpc_target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("x-api-key", self.api_key),)

    async def log_with(self, text: str) -> str:
        """The log, once a text is in it: lines are written together, soon after what they tell of."""
        async with asyncio.timeout(10):
            while text not in (log := await asyncio.to_thread(self.log.read_text)):
                pass
        return log

    def channel(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(
            self.grpc_target, options=(("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
        )


@dataclass(frozen=True, slots=True)
class Vendors:
    """The vendors behind it."""

    canned: Vendor
    """In a thread of its own: `fake/ok`, `fake/busy`, `fake/down`, `fake/broken`."""
    scripted: Vendor
    """In the tests' event loop: `scripted/ANYTHING`, which each test scripts by model."""
    names: list[str] = field(default_factory=list[str])

    def model(self) -> str:
        """A model's name that no other test uses."""
        self.names.append(f"m{len(self.names)}")
        return self.names[-1]


def configuration(vendors: Vendors) -> ConfigData:
    """Keys, the embedded model, and the vendors under test with short deadlines."""
    return {
        "keep_alive": "1500ms",
        "keys": [
            {"name": "tests", "sha256": hash_key(API_KEY)},
            {"name": "guarded", "sha256": hash_key(GUARDED_KEY), "models": ["scripted/guarded"]},
            {"name": "named", "sha256": hash_key(NAMED_KEY), "models": ["mixed", "scripted/one"]},
            {"name": "limited", "sha256": hash_key(LIMITED_KEY), "models": ["fake/*"]},
        ],
        "vendors": {
            "fake": {"dialect": "openai", "base_url": vendors.canned.base_url + "/v1", "api_key": {"env": "FAKE_KEY"}},
            "scripted": {
                "dialect": "openai",
                "base_url": vendors.scripted.base_url + "/v1",
                "api_key": {"env": "FAKE_KEY"},
            },
            # Gives one answer a request, so that several are several requests.
            "fan": {
                "dialect": "anthropic",
                "base_url": vendors.scripted.base_url + "/v1",
                "api_key": {"env": "FAKE_KEY"},
            },
            "brief": {
                "dialect": "openai",
                "base_url": vendors.scripted.base_url + "/v1",
                "timeouts": {"connect": "2s", "first_token": "1s", "between_chunks": "1s", "total": "3s"},
            },
            "nowhere": {"dialect": "openai", "base_url": f"http://127.0.0.1:{unused_port()}/v1"},
        },
        "models": {
            LOCAL_MODEL: {},
            **{f"fake/{name}": {} for name in ("ok", "busy", "down", "broken")},
            # What a vendor does once is what a caller sees.
            "scripted/*": {"retries": {"attempts": 0}},
            "brief/*": {"retries": {"attempts": 0}},
            "nowhere/gone": {"retries": {"attempts": 0}},
            "scripted/pair": {"deployments": {"a": {"model": "pair-a"}, "b": {"model": "pair-b"}}},
            "scripted/again": {"retries": {"attempts": 2, "backoff": "10ms"}},
            "scripted/guarded": {
                "retries": {"attempts": 0},
                "fallback": {"any": ["scripted/spare"], "context_length": ["scripted/long"]},
            },
            "scripted/narrow": {
                "deployments": {"a": {"model": "narrow", "max_concurrent": 1, "queue": 0}},
                "retries": {"attempts": 0},
            },
            "scripted/lined": {
                "deployments": {"a": {"model": "lined", "max_concurrent": 1, "queue": 1}},
                "retries": {"attempts": 0},
            },
            "scripted/waits": {"retries": {"attempts": 1, "backoff": "10ms", "budget": 1}},
            "scripted/swap": {
                "deployments": {"a": {"model": "swap-a"}, "b": {"model": "swap-b"}},
                "retries": {"attempts": 1, "budget": 1},
                "cooldown": {"failures": 100},
            },
            "scripted/hedged": {
                "deployments": {"a": {"model": "hedged-a"}, "b": {"model": "hedged-b"}},
                "retries": {"attempts": 0},
                "hedge": {"after": "100ms", "share": 1},
            },
            "fan/*": {"retries": {"attempts": 0}},
            "mixed": {
                "deployments": {"a": {"use": "scripted/mixed-a"}, "b": {"use": "fan/mixed-b"}},
                "retries": {"attempts": 1, "budget": 1},
                "cooldown": {"failures": 100},
            },
            "scripted/twice": {"deployments": {"a": {"model": "deployment-a"}, "b": {"model": "deployment-b"}}},
        },
    }


@contextlib.asynccontextmanager
async def running(config: ConfigData, folder: Path) -> AsyncGenerator[Parley]:
    """`parley up` until the block ends, then SIGTERM."""
    port = unused_port()
    file = folder / "parley.yaml"
    file.write_text(chosen().text(config))
    log = folder / "parley.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service.cli.main",
            "up",
            "--config",
            str(file),
            "--port",
            str(port),
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "FAKE_KEY": VENDOR_KEY, "PARLEY_LOG_LEVEL": "debug"},
        )
        try:
            assert process.stdout is not None
            said = b""
            async with asyncio.timeout(90):
                while b"data" not in said and (line := await process.stdout.readline()):
                    said += line
            assert process.returncode is None, log.read_text()
            assert said, log.read_text()
            yield Parley(port, process, said.decode(), log)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()
