"""A caller that hangs up stops the vendor's work, whatever the phase, the protocol and the face.

What is measured is the span from the caller's going to the close of the vendor's socket, on one clock: both ends of it
are in this process. The issue's 100 ms are asserted of the shortest of a few spans, because a busy machine can make
any one of them longer, and nothing but the mechanism itself can make all of them long. That each close follows from
the hang-up and from nothing else is seen by order: these vendors are silent, and the first deadline is a minute away.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import vendor as v
from tests.end_to_end.callers import CALLERS, Caller, rest_http1
from tests.end_to_end.calls import body, post
from tests.stack import Parley, Vendors

EVENTS = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n")[:3])
DOWN = v.openai_error(503, "down")
ANSWER = v.json_answer(v.recording("openai-unary.json"))
SPANS = 3
LIMIT_S = 0.1


@dataclass(frozen=True, slots=True)
class Phase:
    """Where a request is when its caller goes."""

    id: str
    script: v.Script
    """What the vendor does with it."""
    stream: bool = True
    begun: bool = False
    """Whether the caller has a part of the answer."""
    model: str = ""
    """Empty: one of its own."""
    vendor_models: tuple[str, ...] = ()
    """By these names the vendor knows the model; empty: by its own."""
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    requests: int = 1
    """Of the vendor's, that are under way, and must be closed."""


PHASES = (
    Phase("unary, before headers", v.hang(), stream=False),
    Phase("before headers", v.hang()),
    Phase("before the first token", v.hang_after_headers()),
    Phase("after a prelude", v.hang_after_headers(EVENTS[0])),
    Phase("in mid-stream", v.hang_after_headers(*EVENTS), begun=True),
    Phase("unary, in a fan-out", v.hang(), stream=False, model="fan/{}", fields={"n": 3, "max_tokens": 9}, requests=3),
    Phase("in a fan-out", v.hang_after_headers(), model="fan/{}", fields={"n": 3, "max_tokens": 9}, requests=3),
    Phase(
        "unary, in a hedge",
        v.hang(),
        stream=False,
        model="scripted/hedged",
        vendor_models=("hedged-a", "hedged-b"),
        requests=2,
    ),
    Phase(
        "in a hedge",
        v.hang_after_headers(EVENTS[0]),
        model="scripted/hedged",
        vendor_models=("hedged-a", "hedged-b"),
        requests=2,
    ),
)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.__name__)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.id)
async def test_the_vendors_sockets_are_closed(parley: Parley, vendors: Vendors, phase: Phase, caller: Caller) -> None:
    name = vendors.model()
    for each in phase.vendor_models or (name,):
        vendors.scripted.always(phase.script, model=each)
    model = phase.model.format(name) or f"scripted/{name}"

    async def span() -> float:
        seen = len(vendors.scripted.requests)
        async with asking(caller(parley, model, phase.fields, phase.stream, begun := asyncio.Event())) as hang_up:
            await vendors.scripted.received(seen + phase.requests)
            if phase.begun:
                await begun.wait()
            went = hang_up()
            under_way = vendors.scripted.requests[seen:]
            await asyncio.wait_for(asyncio.gather(*(request.closed.wait() for request in under_way)), 10)
            closed = asyncio.get_running_loop().time()
        assert len(under_way) == len(vendors.scripted.requests) - seen == phase.requests
        return closed - went

    assert min([await span() for _ in range(SPANS)]) < LIMIT_S


@dataclass(frozen=True, slots=True)
class HangUp:
    """Makes a caller go; gives when it did."""

    task: asyncio.Future[None]

    @property
    def over(self) -> bool:
        return self.task.done()

    def __call__(self) -> float:
        assert not self.over, self.task
        self.task.cancel()
        return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def asking(call: Awaitable[None]) -> AsyncGenerator[HangUp]:
    """A caller, who is gone at the end of the block at the latest."""
    task = asyncio.ensure_future(call)
    try:
        yield HangUp(task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.__name__)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_in_a_fallback(parley: Parley, vendors: Vendors, caller: Caller, *, stream: bool) -> None:
    vendors.scripted.always(DOWN, model="guarded")
    vendors.scripted.always(v.hang(), model="spare")
    seen = len(vendors.scripted.requests)
    async with asking(caller(parley, "scripted/guarded", {}, stream, asyncio.Event())) as hang_up:
        second = await vendors.scripted.received(seen + 2)
        hang_up()
        await asyncio.wait_for(second.closed.wait(), 10)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.__name__)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_in_a_back_off_no_further_attempt_comes(
    parley: Parley, vendors: Vendors, caller: Caller, *, stream: bool
) -> None:
    vendors.scripted.always(v.openai_error(503, "later", retry_after="0.3"), model="waits")
    seen = len(vendors.scripted.requests)
    async with asking(caller(parley, "scripted/waits", {"user": "gone"}, stream, asyncio.Event())) as hang_up:
        first = await vendors.scripted.received(seen + 1)
        await first.complete.wait()
        hang_up()
        # Its wait is as long and begins later: when its second attempt is there, the other's would have been.
        answer = await post(parley, body("scripted/waits", user="stays"))
    assert answer.status == 503
    assert [request.json["user"] for request in vendors.scripted.requests[seen:]] == ["gone", "stays", "stays"]


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.__name__)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_in_a_queue_the_place_is_freed_and_the_vendor_never_sees_it(
    parley: Parley, vendors: Vendors, caller: Caller, *, stream: bool
) -> None:
    release = asyncio.Event()
    vendors.scripted.always(ANSWER, model="lined")
    vendors.scripted.answer(v.delayed(ANSWER, release))
    seen = len(vendors.scripted.requests)
    loop = asyncio.get_running_loop()
    inside = asyncio.ensure_future(post(parley, body("scripted/lined", user="inside")))
    await vendors.scripted.received(seen + 1)
    spans: list[float] = []
    for _ in range(SPANS):
        calls = [caller(parley, "scripted/lined", {"user": "gone"}, stream, asyncio.Event()) for _ in range(2)]
        async with asking(calls[0]) as one, asking(calls[1]) as other, asyncio.timeout(10):
            # The line holds one of them; when the other has been refused, it is there.
            await asyncio.wait((one.task, other.task), return_when=asyncio.FIRST_COMPLETED)
            asked = went = (other if one.over else one)()
            while not await finds_room(parley):
                asked = loop.time()
            spans.append(asked - went)
    assert min(spans) < LIMIT_S
    last = asyncio.ensure_future(post(parley, body("scripted/lined", user="last")))
    release.set()
    assert [(await each).status for each in (inside, last)] == [200, 200]
    assert [request.json["user"] for request in vendors.scripted.requests[seen:]] == ["inside", "last"]


async def finds_room(parley: Parley) -> bool:
    """Whether there is a place in the line, which is left again at once."""
    answer = await post(parley, body("scripted/lined", user="asks", inference_timeout=0.02))
    if answer.status == 429:
        assert answer.error["code"] == "queue_full"
        return False
    assert answer.status == 504
    return True


async def test_what_a_caller_had_until_it_left_is_accounted(parley: Parley, vendors: Vendors) -> None:
    name = vendors.model()
    vendors.scripted.always(v.hang_after_headers(*EVENTS), model=name)
    async with asking(rest_http1(parley, f"scripted/{name}", {}, True, begun := asyncio.Event())) as hang_up:
        await begun.wait()
        hang_up()
    log = await parley.log_with(f'"scripted/{name}"')
    (line,) = (json.loads(line) for line in log.splitlines() if f'"scripted/{name}"' in line)
    assert line["process"] == "worker-0"
    assert line["outcome"] == "cancelled"
    text = "".join(json.loads(event[6:])["choices"][0]["delta"]["content"] for event in EVENTS)
    assert (line["received_deltas"], line["received_bytes"]) == (len(EVENTS) - 1, len(text))
    assert line["completion_tokens_estimated"] == len(text) // 4
    assert "completion_tokens" not in line
