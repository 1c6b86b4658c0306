"""What happens to callers when processes are stopped or die."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import aiohttp
import grpc
import grpc.aio
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests import vendor as v
from tests.end_to_end.calls import PATH, RestAnswer, body, post
from tests.stack import LOCAL_MODEL, Parley, Vendors, configuration, running

EVENTS = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n") if event)


@pytest_asyncio.fixture(loop_scope="session")
async def own(vendors: Vendors, tmp_path: Path) -> AsyncGenerator[Parley]:
    """An instance that a test may break."""
    async with running(configuration(vendors), tmp_path) as started:
        yield started


def children_of(pid: int) -> dict[int, str]:
    """All processes below one, and their command lines."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    below, found = [pid], dict[int, str]()
    while below:
        parent = below.pop()
        for child, of in parents.items():
            if of == parent:
                below.append(child)
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


async def stream(parley: Parley, model: str, begun: asyncio.Event) -> RestAnswer:
    """Reads a stream to its end; tells when its first bytes have come."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            parley.base_url + PATH,
            data=json.dumps(body(model, stream=True, max_tokens=400)),
            headers={"x-api-key": parley.api_key},
        ) as response,
    ):
        read = b""
        while data := await response.content.readany():
            read += data
            begun.set()
        return RestAnswer(response.status, {k.lower(): value for k, value in response.headers.items()}, read)


async def test_a_stop_lets_streams_in_flight_finish(own: Parley, vendors: Vendors) -> None:
    model, gate, begun = vendors.model(), asyncio.Event(), asyncio.Event()
    vendors.scripted.always(v.stream(*EVENTS[:3], gate, *EVENTS[3:]), model=model)
    reading = asyncio.create_task(stream(own, f"scripted/{model}", begun))
    await asyncio.wait_for(begun.wait(), 20)
    own.process.send_signal(signal.SIGTERM)
    # The listener is closed while the stream goes on.
    async with asyncio.timeout(20):
        while True:
            try:
                await post(own, body("fake/ok"))
            except aiohttp.ClientError:
                break
    gate.set()
    answer = await asyncio.wait_for(reading, 20)
    assert answer.events[-1] == "[DONE]"
    assert await asyncio.wait_for(own.process.wait(), 20) == 0


@pytest.mark.parametrize(("part", "model"), [("service.local.engine", LOCAL_MODEL), ("service.worker", LOCAL_MODEL)])
async def test_a_process_that_dies_in_mid_stream_breaks_its_streams_aloud_and_comes_back(
    own: Parley, part: str, model: str
) -> None:
    begun = asyncio.Event()
    reading = asyncio.create_task(stream(own, model, begun))
    await asyncio.wait_for(begun.wait(), 30)
    ((pid, _),) = [each for each in children_of(own.process.pid).items() if part in each[1] and "-m " + part in each[1]]
    os.kill(pid, signal.SIGKILL)
    try:
        answer = await asyncio.wait_for(reading, 30)
    except aiohttp.ClientError:
        # The connection is cut, which no client takes for an end.
        pass
    else:
        assert "[DONE]" not in answer.events
    async with asyncio.timeout(60):
        while (await post(own, body(model, max_tokens=2))).status != 200:
            pass


async def test_health_and_reflection_are_served_through_the_edge(parley: Parley, channel: grpc.aio.Channel) -> None:
    # The stubs of this package know synchronous channels only.
    health: Any = health_pb2_grpc.HealthStub(cast("Any", channel))
    for service in ("", "parley.chat.v1.ChatService"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    def services() -> list[str]:
        with grpc.insecure_channel(parley.grpc_target) as plain:
            return list(ProtoReflectionDescriptorDatabase(plain).get_services())

    assert "parley.chat.v1.ChatService" in await asyncio.to_thread(services)
