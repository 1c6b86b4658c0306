"""Dialects of gRPC through the driver, as a worker has it: what the vendor is asked, and what comes of its answer."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import grpc.aio
import pytest
from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.dialect import Target
from service.backends.grpc_frames import FrameParser, Metadata, binary, read_metadata
from service.backends.run import expanded
from service.errors import ApiError, Kind
from service.upstream import Driver, GrpcTransport, SchemeTransport
from tests.conformance import parley, xai_grpc
from tests.conformance.scenario import TEXT, Answer, Dialogue, Refusal
from tests.conformance.test_conformance import REQUEST

DIALOGUES = {"parley": parley.PARLEY, "xai_grpc": xai_grpc.XAI_GRPC}
KEYS = {"parley": ("x-api-key", "sk-planted"), "xai_grpc": ("authorization", "Bearer sk-planted")}


@dataclass(slots=True)
class Vendor(grpc.GenericRpcHandler):
    """Plays one answer or refusal to every call."""

    answer: Answer | Refusal
    hangs: bool = False
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    remaining: float | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return cast("Any", grpc).unary_stream_rpc_method_handler(self._serve)

    async def _serve(self, request: bytes, context: Any) -> None:
        self.metadata = dict(context.invocation_metadata())
        self.remaining = context.time_remaining()
        if isinstance(self.answer, Refusal):
            await self._end(self.answer.headers or {}, context)
            return
        try:
            for frame in FrameParser().feed(self.answer.body):
                if not frame.is_metadata:
                    await context.write(frame.payload)
                    if self.hangs:
                        await asyncio.Event().wait()
                elif "grpc-status" in (metadata := read_metadata(frame.payload)):
                    await self._end(metadata, context)
        except asyncio.CancelledError:
            self.gone.set()
            raise

    async def _end(self, metadata: Metadata, context: Any) -> None:
        if metadata["grpc-status"] != "0":
            code = next(code for code in grpc.StatusCode if str(code.value[0]) == metadata["grpc-status"])
            details = binary(metadata, "grpc-status-details-bin")
            await context.abort(code, metadata["grpc-message"], (("grpc-status-details-bin", details),))


@contextlib.asynccontextmanager
async def driven(vendor: Vendor, dialogue: Dialogue) -> AsyncGenerator[tuple[Driver, Target]]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((vendor,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    transport = SchemeTransport({"grpc": GrpcTransport()})
    try:
        yield Driver(transport), replace(dialogue.target, base_url=f"grpc://127.0.0.1:{port}")
    finally:
        await transport.close()
        await server.stop(None)


async def chunks(driver: Driver, target: Target, *, stream: bool) -> list[CompletionChunk]:
    deadline = asyncio.get_running_loop().time() + 30
    run = driver.run(REQUEST, target, stream=stream, request_id="r-1", deadline=deadline)
    async with contextlib.aclosing(run) as batches:
        return [chunk async for batch in batches for chunk in expanded(batch)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", DIALOGUES)
async def test_an_answer(name: str, *, stream: bool) -> None:
    dialogue = DIALOGUES[name]
    vendor = Vendor(dialogue.text if stream else dialogue.text_unary)
    async with driven(vendor, dialogue) as (driver, target):
        got = await chunks(driver, target, stream=stream)
    assert "".join(choice.delta.content for chunk in got for choice in chunk.choices) == TEXT
    header, value = KEYS[name]
    assert (vendor.metadata[header], vendor.metadata["x-request-id"]) == (value, "r-1")
    assert vendor.remaining is not None
    # On the wire it is rounded up to tenths of a second.
    assert 0 < vendor.remaining <= 30.1


@pytest.mark.parametrize("name", DIALOGUES)
@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("rate_limited", Kind.RATE_LIMIT),
        ("own_key", Kind.UPSTREAM_AUTH),
        ("context_length", Kind.CONTEXT_LENGTH),
        ("not_found", Kind.MODEL_NOT_FOUND),
    ],
)
async def test_a_refusal(name: str, scenario: str, kind: Kind) -> None:
    dialogue = DIALOGUES[name]
    async with driven(Vendor(getattr(dialogue, scenario)), dialogue) as (driver, target):
        with pytest.raises(ApiError) as caught:
            await chunks(driver, target, stream=True)
    assert caught.value.kind is kind
    assert caught.value.retry_after == (7 if scenario == "rate_limited" else None)
    assert "sk-planted" not in caught.value.message


@pytest.mark.parametrize("name", DIALOGUES)
async def test_who_leaves_in_mid_stream_stops_the_vendor(name: str) -> None:
    dialogue = DIALOGUES[name]
    vendor = Vendor(dialogue.text, hangs=True)
    async with driven(vendor, dialogue) as (driver, target):
        deadline = asyncio.get_running_loop().time() + 30
        run = driver.run(REQUEST, target, stream=True, request_id="r-1", deadline=deadline)
        assert await anext(run)
        await run.aclose()
        await asyncio.wait_for(vendor.gone.wait(), 10)


@pytest.mark.parametrize("name", DIALOGUES)
async def test_an_answer_that_is_not_complete_in_time_ends(name: str) -> None:
    dialogue = DIALOGUES[name]
    vendor = Vendor(dialogue.text, hangs=True)
    async with driven(vendor, dialogue) as (driver, target):
        run = driver.run(
            REQUEST, target, stream=True, request_id="r-1", deadline=asyncio.get_running_loop().time() + 0.3
        )
        with pytest.raises(ApiError) as caught:
            async for _ in run:
                pass
        assert caught.value.kind is Kind.TOTAL_TIMEOUT
        await asyncio.wait_for(vendor.gone.wait(), 10)
