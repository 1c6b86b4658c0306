"""A wall clock that jumps, under all processes of Parley: no deadline is measured by it."""

import asyncio
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc.aio
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests.faults.callers import request_message
from tests.faults.crowd import gathering, words
from tests.faults.fault import BETWEEN_CHUNKS, FIRST_TOKEN
from tests.faults.paced import paced_model, paced_text
from tests.faults.processes import ENVOY, WORKER, find, mapped
from tests.faults.section import Run, Section, markdown_table
from tests.faults.seen import FACES
from tests.faults.stage import Stage, staged
from tests.faults.table import still_serves
from tests.faults.verdict import Must, Promise, problems

_SOURCE = Path(__file__).with_name("clock.c")
_JUMPS = (3600 * 24, -3600 * 24)
_STREAMS = 20
_PIECES = 8
_LIMIT_S = 60.0


async def clock_jumps(run: Run) -> Section:
    """A day forwards, and back again, in mid-stream and while a vendor hangs."""
    title = "A wall clock that jumps"
    compiler = shutil.which("cc")
    if compiler is None:
        return Section(title, "Not run: it needs a C compiler (`cc`).")
    library, file = run.folder / "clock.so", run.folder / "clock"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE], check=True)  # noqa: ASYNC221
    _set(file, 0)
    env = {"LD_PRELOAD": str(library), "FAULT_CLOCK": str(file)}
    rows: list[tuple[object, ...]] = []
    async with staged(run.folder, env=env) as stage:
        found = await still_serves(stage)
        for part in (WORKER, ENVOY):
            if not mapped(find(stage.parley.process.pid, part)[0], library):
                found.append(f"{part} does not run with the clock that jumps, so that nothing was tested")
        shift = 0
        for jump in _JUMPS:
            run.say(f"the clock jumps by {jump} s")
            before = shift
            shift += jump
            if not _control(file, env, shift):
                found.append("the clock did not jump, so that nothing was tested")
            _set(file, before)
            streams, problems_of_streams = await _live(stage, file, shift)
            _set(file, before)
            hung, problems_of_hung = await _hung(stage, file, shift, run.slack)
            found += [f"jump by {jump} s: {problem}" for problem in (*problems_of_streams, *problems_of_hung)]
            found += await still_serves(stage)
            rows.append((f"{jump // 3600:+d} h", streams, hung))
    head = (
        "the clock jumps by",
        f"{_STREAMS} live streams and a gRPC call with a deadline",
        "calls to a vendor that hangs",
    )
    return Section(title, markdown_table(head, rows), tuple(found))


async def _live(stage: Stage, file: Path, shift: int) -> tuple[str, list[str]]:
    """Streams during which it jumps, and one with a deadline of its own, must come to their ends."""
    gate = f"clock{shift}"
    model = f"patient/{paced_model(_PIECES, 16, gate)}"
    async with gathering(stage, _STREAMS) as crowd:
        crowd.join(model, _STREAMS)
        # Generated stubs are typed for synchronous channels only.
        stub: Any = ChatServiceStub(stage.callers.channel)
        call = stub.CreateCompletion(request_message(model), metadata=stage.parley.metadata, timeout=_LIMIT_S * 2)
        unary = asyncio.ensure_future(call)
        async with asyncio.timeout(_LIMIT_S):
            await crowd.all_begun()
            await stage.vendor.live(_STREAMS + 1)
            _set(file, shift)
            # What would be over by the new time would have been told by the time these are answered.
            found = await _answered(stage)
            await stage.vendor.open_gate(gate)
            seen = await asyncio.gather(*crowd.calls)
            try:
                await unary
            except grpc.aio.AioRpcError as error:
                # The vendor plays a stream, which as a unary answer is none: only a deadline would be wrong.
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    found.append("a gRPC deadline moved with the clock")
    promise = Promise(Must.COMPLETE, paced_text(_PIECES, 16), _LIMIT_S)
    found += [problem for one in seen for problem in problems(promise, one)]
    return words(list(seen)), found


async def _answered(stage: Stage) -> list[str]:
    answers = [await stage.callers.call(face, "patient/good", _LIMIT_S) for face in FACES]
    promise = Promise(Must.COMPLETE, answers[0].text, _LIMIT_S)
    return [problem for one in answers for problem in problems(promise, one)]


async def _hung(stage: Stage, file: Path, shift: int, slack: float) -> tuple[str, list[str]]:
    """Calls to a vendor that hangs, during which it jumps, must end at their deadlines."""
    limit = max(FIRST_TOKEN, BETWEEN_CHUNKS)
    calls = [
        asyncio.ensure_future(stage.callers.call(face, f"faulty/{name}", limit + slack))
        for face in FACES
        for name in ("hang_before_headers", "hang")
    ]
    started = time.monotonic()
    await stage.vendor.live(len(calls))
    _set(file, shift)
    seen = await asyncio.gather(*calls)
    took = time.monotonic() - started
    text = max((one.text for one in seen), key=len)
    promise = Promise(Must.ERROR, text, limit)
    return f"{words(list(seen))}, within {took:.2f} s", [p for one in seen for p in problems(promise, one)]


def _set(file: Path, seconds: int) -> None:
    """Writes in place, since it is mapped."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, struct.pack("q", seconds), 0)
    finally:
        os.close(descriptor)


def _control(file: Path, env: dict[str, str], seconds: int) -> bool:
    """Whether a process that runs like the workers sees the jump."""
    _set(file, seconds)
    run = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"],
        env={**os.environ, **env}, capture_output=True, check=True,
    )  # fmt: skip
    return abs(float(run.stdout) - time.time() - seconds) < 600
