"""What the service's own code costs for each request, from the call of a face to its answer, with no socket and no gRPC.

`python -m bench.pipeline` prints microseconds of CPU time, the best of several interleaved rounds, everything switched
on: callers' keys, accounting, log, metrics. The ratio to orjson.loads of the same request within a round is what carries
over from machine to machine; `--profile` says where the time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import hashlib
import os
import pstats
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import orjson
import uvloop
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext

from service import log
from service.backends.dialect import HttpCall, Target
from service.config.load import parse
from service.configured import Maker
from service.faces import RestFace
from service.telemetry.worker_telemetry import WorkerTelemetry
from service.upstream import Driver

KEY = "bench-key"
CONFIG = f"""
keys: [{{name: bench, sha256: "{hashlib.sha256(KEY.encode()).hexdigest()}", models: ["mock/*"]}}]
vendors: {{mock: {{dialect: openai, base_url: "http://127.0.0.1:9/v1", api_key: {{env: BENCH_VENDOR_KEY}}}}}}
models: {{mock/*: {{}}}}
metrics: {{listen: "127.0.0.1:9"}}
"""
REQUEST = {
    "model": "mock/mock",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Tell me about the quick brown fox and what it did to the lazy dog, in short."},
    ],
    "max_tokens": 128,
    "temperature": 0.7,
}
HEAD = {"id": "chatcmpl-1", "created": 1790000000, "model": "mock"}
USAGE = {"prompt_tokens": 30, "completion_tokens": 40, "total_tokens": 70}
ANSWER = {
    **HEAD,
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello " * 40}, "finish_reason": "stop"}],
    "usage": USAGE,
}
CHUNKS = 64
METADATA = (
    ("x-request-id", "0123456789"),
    ("authorization", f"Bearer {KEY}"),
    ("x-envoy-original-path", "/v1/chat/completions"),
    ("content-type", "application/json"),
    ("user-agent", "bench"),
    ("x-forwarded-proto", "http"),
    ("te", "trailers"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and what the vendor answers in how many reads."""

    name: str
    request: bytes
    reads: tuple[bytes, ...]
    content_type: str


def cases() -> tuple[Case, ...]:
    unary, streamed = orjson.dumps(REQUEST), orjson.dumps({**REQUEST, "stream": True})
    events = tuple(_events())
    return (
        Case("unary", unary, (orjson.dumps(ANSWER),), "application/json"),
        Case(f"stream of {CHUNKS} chunks, one read", streamed, (b"".join(events),), "text/event-stream"),
        Case(f"stream of {CHUNKS} chunks, {CHUNKS} reads", streamed, events, "text/event-stream"),
    )


def _events() -> Iterable[bytes]:
    for number in range(CHUNKS):
        delta = {"content": f" word{number}"} if number else {"role": "assistant", "content": ""}
        finish = "stop" if number == CHUNKS - 1 else None
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        event = {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}
        last = {**event, "choices": [], "usage": USAGE}
        end = b"data: " + orjson.dumps(last) + b"\n\ndata: [DONE]\n\n" if finish else b""
        yield b"data: " + orjson.dumps(event) + b"\n\n" + end


@dataclass(slots=True)
class _Answer:
    """A vendor's answer, all of which is there."""

    case: Case
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    _read: int = 0

    async def read(self) -> bytes:
        at, self._read = self._read, self._read + 1
        return self.case.reads[at] if at < len(self.case.reads) else b""

    def finish(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Vendor:
    """A transport that reaches nobody."""

    case: Case | None = None

    async def send(self, call: HttpCall, target: Target) -> _Answer:
        assert self.case is not None
        return _Answer(self.case, headers={"content-type": self.case.content_type})

    async def close(self) -> None: ...


class _Call:
    """What gRPC tells a face of a call, and takes from it."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return METADATA

    def time_remaining(self) -> float | None:
        return None

    async def send_initial_metadata(self, metadata: object) -> None: ...

    async def write(self, message: bytes) -> None: ...


class Bench:
    """One worker's face, in front of a vendor that answers as a case says. Belongs to one event loop."""

    def __init__(self) -> None:
        os.environ["BENCH_VENDOR_KEY"] = "x"
        config = parse(CONFIG)
        null = os.open(os.devnull, os.O_WRONLY)
        telemetry = WorkerTelemetry.of(config, log.configure("worker-0", null))
        self._vendor = _Vendor()
        maker = Maker(Driver(self._vendor), None, accounting=telemetry.accounting)
        serving = maker.make(config, maker.table(config))
        self._face = RestFace(lambda: serving)

    def calls(self, case: Case) -> Callable[[], Awaitable[None]]:
        """What asks once."""
        request = HttpBody(data=case.request)

        async def call() -> None:
            self._vendor.case = case
            await self._face.answer(request, cast("ServicerContext[HttpBody, bytes]", _Call()))

        return call


async def timed(call: Callable[[], Awaitable[None]], calls: int) -> float:
    """Seconds of CPU time for one call."""
    began = time.thread_time()
    for _ in range(calls):
        await call()
    return (time.thread_time() - began) / calls


def baseline(calls: int) -> float:
    """Seconds of CPU time for one orjson.loads of the request."""
    data, loads = orjson.dumps(REQUEST), orjson.loads
    began = time.thread_time()
    for _ in range(calls):
        loads(data)
    return (time.thread_time() - began) / calls


async def measure(rounds: int, calls: int) -> None:
    """Prints each case's best round, and how that compares with the best round of the baseline."""
    bench = Bench()
    asked = {case.name: bench.calls(case) for case in cases()}
    best = dict.fromkeys(asked, float("inf"))
    loads = float("inf")
    for call in asked.values():
        await timed(call, calls)
    for _ in range(rounds):
        loads = min(loads, baseline(calls * 20))
        for name, call in asked.items():
            best[name] = min(best[name], await timed(call, calls))
    print(f"{'orjson.loads of the request':34}{loads * 1e6:9.2f} µs")
    for name, seconds in best.items():
        print(f"{name:34}{seconds * 1e6:9.1f} µs {seconds / loads:7.0f} x loads")


async def profile(order: str, calls: int) -> None:
    """Prints where the time of a unary request goes."""
    call = Bench().calls(cases()[0])
    await timed(call, calls)
    profiler = cProfile.Profile()
    profiler.enable()
    await timed(call, calls)
    profiler.disable()
    pstats.Stats(profiler).sort_stats(order).print_stats(50)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="rounds, of which the best counts; default 40")
    parser.add_argument("--calls", type=int, default=50, help="requests of each case in a round; default 50")
    parser.add_argument("--profile", choices=("tottime", "cumtime"), help="profile unary requests, in this order")
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if arguments.profile:
            runner.run(profile(arguments.profile, arguments.calls * 10))
        else:
            runner.run(measure(arguments.rounds, arguments.calls))


if __name__ == "__main__":
    main()
