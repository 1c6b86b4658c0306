"""`parley serve` behind an Envoy of somebody else's, as in a pod."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import aiohttp
import grpc.aio
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc

import gateway
from tests import vendor as v
from tests.end_to_end.calls import PATH, body
from tests.end_to_end.test_processes import EVENTS
from tests.reloading import status
from tests.vendor import unused_port

LIMIT_S = 60.0
CLI = (sys.executable, "-m", "service.cli.main")
MODEL = "v/m"


@dataclass(frozen=True, slots=True)
class Pod:
    """The two containers of a pod, as processes."""

    service: Process
    envoy: Process
    runtime_dir: Path
    base_url: str
    vendor: v.Vendor

    async def health(self) -> int:
        async with grpc.aio.insecure_channel(f"unix:{self.runtime_dir}/worker-0.sock") as channel:
            stub: Any = health_pb2_grpc.HealthStub(cast("Any", channel))
            answer = await stub.Check(health_pb2.HealthCheckRequest())
            return answer.status


async def printed(process: Process, text: str) -> None:
    assert process.stdout is not None
    said = b""
    async with asyncio.timeout(LIMIT_S):
        while text.encode() not in said:
            line = await process.stdout.readline()
            assert line, said.decode()
            said += line


@contextlib.asynccontextmanager
async def started(*argv: str) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=STDOUT, env={**os.environ, "KEY": "k"})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest_asyncio.fixture(loop_scope="session")
async def pod(tmp_path: Path) -> AsyncGenerator[Pod]:
    port, file = unused_port(), tmp_path / "parley.yaml"
    with TemporaryDirectory(prefix="pod-") as place:
        async with v.Vendor.start() as vendor:
            file.write_text(
                f"listen: 127.0.0.1:{port}\nworkers: 2\ndrain: 20s\nmodels: {{{MODEL}: {{}}}}\n"
                f"vendors: {{v: {{dialect: openai, base_url: '{vendor.base_url}/v1', api_key: {{env: KEY}}}}}}\n"
            )
            where = ("--config", str(file), "--runtime-dir", place)
            async with started(*CLI, "envoy-config", *where, "-o", f"{place}/envoy.yaml") as rendering:
                assert await rendering.wait() == 0
            edge = gateway.command(Path(place, "envoy.yaml"), concurrency=1)
            async with started(*CLI, "serve", *where, "--linger", "2s") as service, started(*edge) as envoy:
                await printed(service, f"Parley serves gRPC on {place}/worker-0.sock … worker-1.sock")
                async with asyncio.timeout(LIMIT_S):
                    while not await gateway.ready(Path(place)):
                        pass
                yield Pod(service, envoy, Path(place), f"http://127.0.0.1:{port}", vendor)


async def test_a_stop_is_told_to_balancers_first_and_ends_no_stream(pod: Pod) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()
    pod.vendor.answer(v.stream(*EVENTS[:3], gate, *EVENTS[3:]))
    pod.vendor.always(v.stream(*EVENTS))

    async with aiohttp.ClientSession() as session:

        async def read(told: asyncio.Event | None = None) -> tuple[bytes, str]:
            data = json.dumps(body(MODEL, stream=True))
            async with session.post(pod.base_url + PATH, data=data) as response:
                answer = b""
                while piece := await response.content.readany():
                    answer += piece
                    if told:
                        told.set()
                return answer, response.headers.get("connection", "")

        assert (await status(pod.runtime_dir)).listen is None
        reading = asyncio.create_task(read(begun))
        async with asyncio.timeout(LIMIT_S):
            await begun.wait()
            pod.service.send_signal(signal.SIGTERM)
            while await pod.health() == health_pb2.HealthCheckResponse.SERVING:
                pass
        # For a while requests are still served, and each answer ends its connection.
        late, connection = await read()
        assert late.endswith(b"data: [DONE]\n\n")
        assert connection == "close"
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    await pod.health()
                except grpc.aio.AioRpcError:
                    break
        assert not reading.done()
        gate.set()
        answer, _ = await asyncio.wait_for(reading, LIMIT_S)
        assert answer.endswith(b"data: [DONE]\n\n")
    assert await asyncio.wait_for(pod.service.wait(), LIMIT_S) == 0
    left = {path.name for path in pod.runtime_dir.iterdir()}
    assert left == {"in-use", "envoy.yaml", "envoy-admin.sock"}


async def test_what_a_killed_one_left_does_not_hinder_the_next(pod: Pod) -> None:
    pod.service.kill()
    await pod.service.wait()
    assert (pod.runtime_dir / "control.sock").exists()
    file = pod.runtime_dir / "parley.yaml"
    file.write_text("models: {groq/x: {}}\nvendors: {groq: {api_key: {env: KEY}}}\n")
    where = ("--config", str(file), "--runtime-dir", str(pod.runtime_dir), "--linger", "0")
    async with started(*CLI, "serve", *where) as again:
        await printed(again, "Parley serves gRPC on")
        async with started(*CLI, "serve", *where) as second:
            await printed(second, "is in use by another Parley")
            assert await second.wait() == 1
        again.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(again.wait(), LIMIT_S) == 0
