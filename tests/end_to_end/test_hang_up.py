"""A caller that hangs up stops the vendor's work, whatever the phase, the protocol and the face."""

import asyncio
import json

import aiohttp
import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.end_to_end.calls import PATH, body, message
from tests.stack import Parley, Vendors
from tests.vendor import Script, VendorRequest

EVENTS = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n")[:3])


def before_headers() -> Script:
    return v.hang()


def before_the_first_token() -> Script:
    return v.hang_after_headers()


def in_mid_stream() -> Script:
    return v.hang_after_headers(*EVENTS)


PHASES = (before_headers, before_the_first_token, in_mid_stream)


async def hung_up(vendors: Vendors, seen: int) -> VendorRequest:
    request = vendors.scripted.requests[seen]
    await asyncio.wait_for(request.closed.wait(), 10)
    assert not request.complete.is_set() or request.closed.is_set()
    return request


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_over_rest(parley: Parley, vendors: Vendors, phase: type, *, stream: bool) -> None:
    model = vendors.model()
    vendors.scripted.always(phase(), model=model)
    seen = len(vendors.scripted.requests)
    async with aiohttp.ClientSession() as session:
        call = asyncio.ensure_future(
            session.post(
                parley.base_url + PATH,
                data=json.dumps(body(f"scripted/{model}", stream=stream)),
                headers={"x-api-key": parley.api_key},
            )
        )
        await vendors.scripted.received(seen + 1)
        if phase is in_mid_stream and stream:
            response = await call
            assert await response.content.readany()
            response.close()
        else:
            call.cancel()
        await hung_up(vendors, seen)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_over_grpc(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel, phase: type, *, stream: bool
) -> None:
    model = vendors.model()
    vendors.scripted.always(phase(), model=model)
    seen = len(vendors.scripted.requests)
    stub = ChatServiceStub(channel)
    if stream:
        call = stub.StreamCompletion(message(f"scripted/{model}"), metadata=parley.metadata)
        reading = asyncio.ensure_future(call.read())
        await vendors.scripted.received(seen + 1)
        if phase is in_mid_stream:
            await reading
        call.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    else:
        unary = stub.CreateCompletion(message(f"scripted/{model}"), metadata=parley.metadata)
        waiting = asyncio.ensure_future(unary)
        await vendors.scripted.received(seen + 1)
        unary.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await hung_up(vendors, seen)
