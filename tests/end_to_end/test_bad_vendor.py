"""Whatever a vendor does wrong: the right status on both faces, in time, and the next request works."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import grpc
import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.end_to_end.calls import PATH, body, failure_of, message, post
from tests.stack import VENDOR_KEY, Parley, Vendors
from tests.vendor import Script

BEGUN = v.recording("openai-stream-usage.sse").split(b"\n\n")
EVENTS = tuple(event + b"\n\n" for event in BEGUN[:3])
STREAM = v.stream_bytes(v.recording("openai-stream-usage.sse"))
ANSWER = v.json_answer(v.recording("openai-unary.json"))

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
DEADLINE = grpc.StatusCode.DEADLINE_EXCEEDED
INTERNAL = grpc.StatusCode.INTERNAL


@dataclass(frozen=True, slots=True)
class Case:
    """What the vendor does and what a caller sees of it, before anything of the answer is out."""

    name: str
    script: Callable[[], Script]
    status: int
    code: grpc.StatusCode
    reason: str
    vendor: str = "scripted"


EARLY = (
    Case("html", lambda: v.html(200), 502, UNAVAILABLE, "bad_upstream"),
    Case("html_502", lambda: v.html(502), 502, UNAVAILABLE, "bad_upstream"),
    Case("error_in_200", v.error_in_200, 500, INTERNAL, "upstream_error"),
    Case("reset", lambda: v.cut(STREAM, 0, reset=True), 502, UNAVAILABLE, "stream_interrupted"),
    Case("empty", lambda: v.cut(STREAM, 0), 502, UNAVAILABLE, "stream_interrupted"),
    Case("hang", v.hang, 504, DEADLINE, "first_token_timeout", "brief"),
    Case("hang_after_headers", v.hang_after_headers, 504, DEADLINE, "first_token_timeout", "brief"),
    Case("endless_event", v.endless_event, 502, UNAVAILABLE, "bad_upstream"),
    Case("own_key_refused", lambda: v.openai_error(401, f"bad {VENDOR_KEY}"), 500, INTERNAL, "upstream_auth"),
    Case("forbidden", lambda: v.openai_error(403, "no"), 403, grpc.StatusCode.PERMISSION_DENIED, "permission_denied"),
    Case("billing", lambda: v.openai_error(402, "pay"), 402, grpc.StatusCode.RESOURCE_EXHAUSTED, "insufficient_quota"),
    Case("timeout", lambda: v.openai_error(408, "slow"), 408, DEADLINE, "upstream_request_timeout"),
    Case("too_large", lambda: v.openai_error(413, "big"), 413, grpc.StatusCode.INVALID_ARGUMENT, "request_too_large"),
    Case("unprocessable", lambda: v.openai_error(422, "?"), 422, grpc.StatusCode.INVALID_ARGUMENT, "invalid_request"),
    Case("busy", lambda: v.openai_error(429, "later", retry_after="30"), 429, grpc.StatusCode.RESOURCE_EXHAUSTED,
         "rate_limit_exceeded"),
    Case("down", lambda: v.openai_error(503, "down"), 503, UNAVAILABLE, "unavailable"),
    Case("overloaded", lambda: v.openai_error(529, "full"), 529, UNAVAILABLE, "overloaded"),
)  # fmt: skip


async def works(parley: Parley, vendors: Vendors) -> None:
    vendors.scripted.always(ANSWER, model="fine")
    assert (await post(parley, body("scripted/fine"))).status == 200


@pytest.mark.parametrize("case", EARLY, ids=lambda case: case.name)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_before_the_first_token_the_status_is_true(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel, case: Case, *, stream: bool
) -> None:
    name = vendors.model()
    vendors.scripted.always(case.script(), model=name)
    answer = await post(parley, body(f"{case.vendor}/{name}", stream=stream))
    stub = ChatServiceStub(channel)
    method = stub.StreamCompletion if stream else stub.CreateCompletion
    failure = await failure_of(method(message(f"{case.vendor}/{name}"), metadata=parley.metadata))
    reason = case.reason
    if not stream and case.name in {"empty", "endless_event"}:
        # A whole answer is read to its end before it is judged.
        reason = "stream_interrupted" if case.name == "empty" else reason
    assert (answer.status, answer.error["code"]) == (case.status, reason)
    assert (failure.code, failure.reason) == (case.code, reason.upper())
    assert failure.info["vendor"] == case.vendor
    if case.name == "busy":
        assert answer.headers["retry-after"] == "30"
        assert failure.retry_after == 30
    for told in (answer.error["message"], failure.message):
        assert told.startswith(f"{case.vendor}: ")
        assert VENDOR_KEY not in told
        assert "<html" not in told
    await works(parley, vendors)


async def test_a_vendor_that_refuses_is_unreachable(parley: Parley, channel: grpc.aio.Channel) -> None:
    answer = await post(parley, body("nowhere/gone"))
    assert (answer.status, answer.error["code"]) == (503, "upstream_unreachable")
    failure = await failure_of(
        ChatServiceStub(channel).CreateCompletion(message("nowhere/gone"), metadata=parley.metadata)
    )
    assert (failure.code, failure.reason) == (UNAVAILABLE, "UPSTREAM_UNREACHABLE")


LATE = (
    ("cut", lambda: v.cut(v.stream(*EVENTS), sum(map(len, EVENTS)) + 40), "stream_interrupted", UNAVAILABLE),
    ("reset", lambda: v.cut(v.stream(*EVENTS), 10_000, reset=True), "stream_interrupted", UNAVAILABLE),
    ("half_chunk", lambda: v.half_chunk(*EVENTS), "stream_interrupted", UNAVAILABLE),
    ("wrong_chunk_length", lambda: v.wrong_chunk_length(*EVENTS), "stream_interrupted", UNAVAILABLE),
    ("no_done", lambda: v.stream(*EVENTS), "stream_interrupted", UNAVAILABLE),
    ("error_event", lambda: v.stream_error(*EVENTS), "upstream_error", INTERNAL),
    ("error_event_then_done", lambda: v.stream(*EVENTS, b'data: {"error": {"message": "engine died"}}\n\n', v.DONE),
     "upstream_error", INTERNAL),
    ("malformed", lambda: v.stream(*EVENTS, b"data: {\n\n", v.DONE), "bad_upstream", UNAVAILABLE),
)  # fmt: skip


@pytest.mark.parametrize(("name", "script", "code", "status"), LATE, ids=[case[0] for case in LATE])
async def test_a_stream_that_breaks_is_an_error_on_both_faces(
    parley: Parley,
    vendors: Vendors,
    channel: grpc.aio.Channel,
    name: str,
    script: Callable[[], Script],
    code: str,
    status: grpc.StatusCode,
) -> None:
    model = vendors.model()
    vendors.scripted.always(script(), model=model)
    answer = await post(parley, body(f"scripted/{model}", stream=True))
    assert answer.status == 200, name
    assert answer.text
    assert "[DONE]" not in answer.events
    assert set(answer.chunks[-1]) == {"error"}
    assert answer.chunks[-1]["error"]["code"] == code
    call = ChatServiceStub(channel).StreamCompletion(message(f"scripted/{model}"), metadata=parley.metadata)
    pieces: list[str] = []
    failure = await failure_of(call, pieces)
    assert "".join(pieces) == answer.text
    assert (failure.code, failure.reason) == (status, code.upper())
    await works(parley, vendors)


async def test_silence_in_mid_stream_is_told_after_its_deadline(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel
) -> None:
    model = vendors.model()
    vendors.scripted.always(v.hang_after_headers(*EVENTS), model=model)
    answer = await post(parley, body(f"brief/{model}", stream=True))
    assert answer.chunks[-1]["error"]["code"] == "between_chunks_timeout"
    failure = await failure_of(
        ChatServiceStub(channel).StreamCompletion(message(f"brief/{model}"), metadata=parley.metadata)
    )
    assert (failure.code, failure.reason) == (DEADLINE, "BETWEEN_CHUNKS_TIMEOUT")


async def test_a_silent_vendor_is_covered_by_comments_until_it_speaks(parley: Parley, vendors: Vendors) -> None:
    model = vendors.model()
    gate = asyncio.Event()
    vendors.scripted.always(v.stream(*EVENTS[:2], gate, EVENTS[2], *(e + b"\n\n" for e in BEGUN[3:] if e)), model=model)
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            parley.base_url + PATH,
            json=body(f"scripted/{model}", stream=True),
            headers={"x-api-key": parley.api_key},
        ) as response,
    ):
        seen = b""
        while seen.count(b": keep-alive\n\n") < 2:
            seen += await response.content.readany()
        gate.set()
        seen += await response.read()
    assert seen.endswith(b"data: [DONE]\n\n")
    assert all(block.startswith((b"data: ", b": keep-alive")) for block in seen.split(b"\n\n") if block)


@pytest.mark.parametrize("limit", [0.5, "0.5"])
async def test_the_requests_own_time_limit_counts(parley: Parley, vendors: Vendors, limit: float | str) -> None:
    model = vendors.model()
    vendors.scripted.always(v.hang(), model=model)
    answer = await post(parley, body(f"scripted/{model}", inference_timeout=limit))
    assert (answer.status, answer.error["code"]) == (504, "total_timeout")


async def test_a_grpc_deadline_ends_the_vendors_call(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel
) -> None:
    model = vendors.model()
    vendors.scripted.always(v.hang(), model=model)
    seen = len(vendors.scripted.requests)
    failure = await failure_of(
        ChatServiceStub(channel).CreateCompletion(message(f"scripted/{model}"), metadata=parley.metadata, timeout=0.5)
    )
    assert failure.code is DEADLINE
    await asyncio.wait_for(vendors.scripted.requests[seen].closed.wait(), 10)


async def test_a_slow_drip_of_bytes_is_put_together(parley: Parley, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(v.drip(STREAM, 3), model=model)
    plain = vendors.model()
    vendors.scripted.always(STREAM, model=plain)
    dripped = await post(parley, body(f"scripted/{model}", stream=True))
    whole = await post(parley, body(f"scripted/{plain}", stream=True))
    assert dripped.events[-1] == "[DONE]"
    assert dripped.text == whole.text
