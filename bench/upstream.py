"""What the transports to vendors cost: CPU per request and per chunk of this process alone, without gateway or decoding.

`python -m bench.upstream` takes about 15 seconds; transports take turns, round after round, on the same mock vendor.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import uvloop

from bench.build import build
from bench.request import as_json
from bench.running import mock_vendor
from bench.scenario import Api, Scenario
from service.backends.dialect import HttpCall, Target
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.upstream import HttpTransport
from service.upstream.aiohttp_transport import AiohttpTransport
from service.upstream.transport import Transport

SCENARIOS = (
    Scenario("unary", Api.REST, stream=False, seconds=1),
    Scenario("streams of 64 chunks", Api.REST, stream=True, behaviour="-n64", seconds=1),
    Scenario("streams of 50 chunks 5 ms apart", Api.REST, stream=True, behaviour="-n50-i5", seconds=1),
)
TRANSPORTS: dict[str, Callable[[], Transport]] = {"aiohttp": AiohttpTransport, "http": HttpTransport}
WARM_UP_SECONDS = 0.2


@dataclass(slots=True)
class Count:
    """What one load came to."""

    requests: int = 0
    chunks: int = 0
    reads: int = 0
    cpu: float = 0.0
    wall: float = 0.0


async def load(transport: Transport, target: Target, scenario: Scenario, seconds: float) -> Count:
    """Ask again as soon as it is answered, on so many connections."""
    body = as_json("m" + scenario.behaviour, scenario)
    headers = {"content-type": "application/json", "authorization": "Bearer sk-mock", "x-request-id": "0123456789"}
    count = Count()
    start, cpu = time.monotonic(), time.process_time()

    async def ask() -> None:
        while time.monotonic() < start + seconds:
            response = await transport.send(HttpCall("/chat/completions", dict(headers), body), target)
            while data := await response.read():
                count.reads += 1
                count.chunks += data.count(b"data: {")
                if b"[DONE]" in data:
                    break
            response.finish()
            count.requests += 1

    await asyncio.gather(*(ask() for _ in range(scenario.connections)))
    count.cpu, count.wall = time.process_time() - cpu, time.monotonic() - start
    return count


async def measure(port: int, rounds: int) -> None:
    """Run all and print the table."""
    target = Target("mock", "", "mock", DIALECTS["openai"], f"http://127.0.0.1:{port}/v1", Timeouts())
    found: dict[tuple[str, str], list[Count]] = {}
    for _ in range(rounds):
        for scenario in SCENARIOS:
            for name, make in TRANSPORTS.items():
                transport = make()
                await load(transport, target, scenario, WARM_UP_SECONDS)
                found.setdefault((scenario.name, name), []).append(
                    await load(transport, target, scenario, scenario.seconds)
                )
                await transport.close()
    print(f"{'load':34}{'transport':11}{'requests/s':>11}{'CPU µs/request':>16}{'CPU µs/chunk':>14}{'chunks/read':>13}")
    for (scenario, name), counts in found.items():
        per_request = statistics.median(count.cpu / count.requests * 1e6 for count in counts)
        rate = statistics.median(count.requests / count.wall for count in counts)
        streamed = counts[0].chunks
        per_chunk = statistics.median(count.cpu / count.chunks * 1e6 for count in counts) if streamed else None
        per_read = statistics.median(count.chunks / count.reads for count in counts) if streamed else None
        print(
            f"{scenario:34}{name:11}{rate:11,.0f}{per_request:16.1f}"
            + (f"{per_chunk:14.2f}{per_read:13.1f}" if per_chunk is not None else "")
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    build()
    with mock_vendor() as vendor:
        uvloop.run(measure(vendor.port, rounds))


if __name__ == "__main__":
    main()
