"""What the service's own code costs for each stream and each read of the vendor's socket, with no socket and no gRPC.

`python -m bench.stream` prints microseconds of CPU time for streams of the same chunks in few and in many reads, asked
for over REST and over gRPC, everything switched on. It is `bench.pipeline` for streams; `--profile` says where the time of
one case goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

import orjson
import uvloop
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest

from bench.pipeline import CONFIG, HEAD, METADATA, REQUEST, USAGE
from service import log
from service.backends.dialect import HttpCall, Target
from service.codec import decoder, parse_object
from service.config.load import parse
from service.configured import Maker
from service.faces import ChatFace, RestFace
from service.telemetry.worker_telemetry import WorkerTelemetry
from service.upstream import Driver

CHUNKS = 64
"""With text, in each stream."""
READS = (1, 4, CHUNKS)
_decode_request = decoder(CompletionRequest)


def reads_of(number: int) -> tuple[bytes, ...]:
    """A stream as so many reads bring it; the first also brings the role, and the last what ends a stream."""
    pieces = [_event({"content": f"word {place} "}) for place in range(CHUNKS)]
    pieces[0] = _event({"role": "assistant", "content": ""}) + pieces[0]
    usage = orjson.dumps({**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    pieces[-1] += _event({}, "stop") + b"data: " + usage + b"\n\ndata: [DONE]\n\n"
    each = CHUNKS // number
    return tuple(b"".join(pieces[at : at + each]) for at in range(0, CHUNKS, each))


def _event(delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + orjson.dumps({**HEAD, "object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


@dataclass(slots=True)
class _Answer:
    """A vendor's answer, each read of which is there when it is asked for."""

    reads: Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})

    def __post_init__(self) -> None:
        self.reads = iter(self.reads)

    async def read(self) -> bytes:
        return next(iter(self.reads), b"")

    def finish(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Vendor:
    """A transport that reaches nobody."""

    reads: tuple[bytes, ...] = ()

    async def send(self, call: HttpCall, target: Target) -> _Answer:
        return _Answer(self.reads)

    async def close(self) -> None: ...


class _Writable(Protocol):
    def SerializeToString(self) -> bytes: ...  # noqa: N802  # protobuf's name


class _Call:
    """What gRPC tells a face of a call, and takes from it."""

    def __init__(self) -> None:
        self.written = 0
        """Messages."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return METADATA

    def time_remaining(self) -> float | None:
        return None

    def set_trailing_metadata(self, metadata: object) -> None: ...

    async def send_initial_metadata(self, metadata: object) -> None: ...

    async def write(self, message: _Writable | bytes) -> None:
        self.written += 1
        if not isinstance(message, bytes):
            message.SerializeToString()


class Bench:
    """One worker's faces, in front of a vendor. Belongs to one event loop."""

    def __init__(self) -> None:
        os.environ["BENCH_VENDOR_KEY"] = "x"
        config = parse(CONFIG)
        telemetry = WorkerTelemetry.of(config, log.configure("worker-0", os.open(os.devnull, os.O_WRONLY)))
        self._vendor = _Vendor()
        maker = Maker(Driver(self._vendor), None, accounting=telemetry.accounting)
        serving = maker.make(config, maker.table(config))
        self._rest = RestFace(lambda: serving)
        self._chat = ChatFace(lambda: serving)

    def over_rest(self, reads: int) -> Callable[[], Awaitable[int]]:
        """What asks once over REST, and tells how many messages were written."""
        pieces = reads_of(reads)
        request = HttpBody(data=orjson.dumps({**REQUEST, "stream": True}))
        answer = cast("Callable[[HttpBody, object], Awaitable[bytes]]", self._rest.answer)

        async def ask() -> int:
            self._vendor.reads = pieces
            call = _Call()
            last = await answer(request, call)
            await call.write(last)
            return call.written

        return ask

    def over_grpc(self, reads: int) -> Callable[[], Awaitable[int]]:
        """The same over gRPC."""
        pieces = reads_of(reads)
        asked = _decode_request(parse_object(orjson.dumps(REQUEST)))

        async def ask() -> int:
            self._vendor.reads = pieces
            call = _Call()
            request = CompletionRequest()
            request.CopyFrom(asked)
            await self._chat.StreamCompletion(
                request, cast("ServicerContext[CompletionRequest, CompletionChunk]", call)
            )
            return call.written

        return ask


async def timed(ask: Callable[[], Awaitable[int]], calls: int) -> float:
    """Seconds of CPU time for one stream."""
    began = time.thread_time()
    for _ in range(calls):
        await ask()
    return (time.thread_time() - began) / calls


async def measure(rounds: int, calls: int) -> None:
    """Prints each case's best round."""
    bench = Bench()
    for api, make in (("REST", bench.over_rest), ("gRPC", bench.over_grpc)):
        asked = {reads: make(reads) for reads in READS}
        best = dict.fromkeys(asked, float("inf"))
        for _ in range(rounds):
            for reads, ask in asked.items():
                best[reads] = min(best[reads], await timed(ask, calls))
        for reads, ask in asked.items():
            print(
                f"{api}, {CHUNKS} chunks in {reads:3} reads{best[reads] * 1e6:10.0f} µs a stream, {await ask()} messages"
            )
        more = (best[READS[-1]] - best[READS[0]]) / (READS[-1] - READS[0])
        print(f"{api}, for each further read {more * 1e6:16.1f} µs")


async def profile(order: str, calls: int, api: str, reads: int) -> None:
    """Prints where the time of one case goes."""
    bench = Bench()
    ask = bench.over_grpc(reads) if api == "grpc" else bench.over_rest(reads)
    await timed(ask, calls)
    profiler = cProfile.Profile()
    profiler.enable()
    await timed(ask, calls)
    profiler.disable()
    pstats.Stats(profiler).sort_stats(order).print_stats(50)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="rounds, of which the best counts; default 10")
    parser.add_argument("--calls", type=int, default=100, help="streams of each case in a round; default 100")
    parser.add_argument("--profile", choices=("tottime", "cumtime"), help="profile one case, in this order")
    parser.add_argument("--api", choices=("rest", "grpc"), default="rest", help="the case to profile; default rest")
    parser.add_argument("--reads", type=int, choices=READS, default=CHUNKS, help="the case to profile; default 64")
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if arguments.profile:
            runner.run(profile(arguments.profile, arguments.calls * 10, arguments.api, arguments.reads))
        else:
            runner.run(measure(arguments.rounds, arguments.calls))


if __name__ == "__main__":
    main()
