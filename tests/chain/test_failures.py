"""What goes wrong behind a Parley at the edge is told as it would be without it, and nothing goes on for nobody."""

import asyncio
import json
import os
import signal
from collections.abc import Callable

import aiohttp
import grpc
import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.chain.conftest import Chain
from tests.end_to_end.calls import PATH, GrpcFailure, RestAnswer, body, failure_of, message, post
from tests.end_to_end.test_processes import children_of, stream
from tests.stack import Vendors
from tests.vendor import Script

ANSWER = v.json_answer(v.recording("openai-unary.json"))
EVENTS = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n")[:3])

REFUSALS: dict[str, Callable[[], Script]] = {
    "400": lambda: v.openai_error(400, "bad", code="odd_code"),
    "400 too long": lambda: v.openai_error(400, "too long", code="context_length_exceeded"),
    "401": lambda: v.openai_error(401, "bad key"),
    "402": lambda: v.openai_error(402, "pay"),
    "403": lambda: v.openai_error(403, "no"),
    "404": lambda: v.openai_error(404, "no such model", code="model_not_found"),
    "413": lambda: v.openai_error(413, "big"),
    "422": lambda: v.openai_error(422, "?"),
    "429": lambda: v.openai_error(429, "later", code="rate_limit_exceeded", retry_after="30"),
    "500": lambda: v.openai_error(500, "oops"),
    "502": lambda: v.html(502),
    "503": lambda: v.openai_error(503, "down"),
    "529": lambda: v.openai_error(529, "full — “ganz” voll"),
    "cut": lambda: v.cut(v.stream(*EVENTS), 0),
}


def told(answer: RestAnswer) -> tuple[object, ...]:
    return answer.status, answer.error, answer.headers.get("retry-after")


def facts(failure: GrpcFailure) -> tuple[object, ...]:
    """What a caller acts on, and what the vendor said; the request's id and the vendor's name are another."""
    known = {name: value for name, value in failure.info.items() if name not in {"request_id", "vendor", "attempts"}}
    return failure.code, failure.message, failure.reason, failure.fields, failure.retry_after, known


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_vendors_refusal_is_the_same(chain: Chain, vendors: Vendors, name: str, *, stream: bool) -> None:
    model = vendors.model()
    vendors.scripted.always(REFUSALS[name](), model=model)
    direct = await post(chain.regional, body(f"scripted/{model}", stream=stream))
    through = await post(chain.edge, body(f"eu/scripted/{model}", stream=stream))
    assert told(through) == told(direct)
    assert "x-parley-attempts" not in through.headers

    async def failure(channel: grpc.aio.Channel, model: str) -> GrpcFailure:
        stub = ChatServiceStub(channel)
        call = stub.StreamCompletion if stream else stub.CreateCompletion
        return await failure_of(call(message(model), metadata=chain.edge.metadata))

    far, near = await failure(chain.far, f"scripted/{model}"), await failure(chain.near, f"eu/scripted/{model}")
    assert facts(near) == facts(far)
    assert near.info["attempts"] == f"eu/scripted/{model}: {near.reason.lower()}"


async def test_where_it_failed_is_told(chain: Chain, vendors: Vendors) -> None:
    for model in ("pair-a", "pair-b"):
        vendors.scripted.always(v.openai_error(503, "down"), model=model)
    answer = await post(chain.edge, body("eu/scripted/pair"))
    told = answer.headers["x-parley-attempts"].split(", ")
    assert set(told[:-1]) == {f"eu/scripted/pair/{place}: unavailable" for place in "ab"}
    assert told[-1] == "eu/scripted/pair: unavailable"


async def test_a_wrong_value_is_named(chain: Chain) -> None:
    direct = await post(chain.regional, body("fake/ok", response_format={"type": "json_schema"}))
    through = await post(chain.edge, body("eu/fake/ok", response_format={"type": "json_schema"}))
    assert told(through) == told(direct)
    unknown = await post(chain.edge, body("eu/nowhere-at-all/x"))
    assert (unknown.status, unknown.error["code"], unknown.error["param"]) == (404, "model_not_found", "model")


@pytest.mark.parametrize("model", ["stranger/fake/ok", "narrow/scripted/x"])
async def test_a_refusal_of_our_own_key_is_not_the_callers(chain: Chain, model: str) -> None:
    answer = await post(chain.edge, body(model))
    assert (answer.status, answer.error["code"]) == (500, "upstream_auth")
    assert (await post(chain.edge, body("narrow/fake/ok"))).status == 200


async def test_a_parley_that_is_not_there(chain: Chain) -> None:
    answer = await post(chain.edge, body("gone/fake/ok"))
    assert (answer.status, answer.error["code"]) == (503, "upstream_unreachable")
    assert "127.0.0.1" not in answer.error["message"]


async def test_an_error_in_mid_stream(chain: Chain, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(v.stream_error(*EVENTS), model=model)
    direct = await post(chain.regional, body(f"scripted/{model}", stream=True))
    through = await post(chain.edge, body(f"eu/scripted/{model}", stream=True))
    assert through.chunks[-1] == direct.chunks[-1]
    assert through.text == direct.text != ""
    pieces: list[str] = []
    failure = await failure_of(
        ChatServiceStub(chain.near).StreamCompletion(message(f"eu/scripted/{model}"), metadata=chain.edge.metadata),
        pieces,
    )
    assert (failure.code, failure.reason, "".join(pieces)) == (
        grpc.StatusCode.INTERNAL,
        "UPSTREAM_ERROR",
        through.text,
    )


@pytest.mark.parametrize("limit", ["request", "grpc", "first token", "between chunks"])
async def test_a_deadline_at_the_edge_ends_the_vendors_call(chain: Chain, vendors: Vendors, limit: str) -> None:
    model = vendors.model()
    script = v.hang_after_headers(*EVENTS) if limit == "between chunks" else v.hang()
    vendors.scripted.always(script, model=model)
    seen = len(vendors.scripted.requests)
    match limit:
        case "request":
            answer = await post(chain.edge, body(f"eu/scripted/{model}", inference_timeout=0.5))
            assert (answer.status, answer.error["code"]) == (504, "total_timeout")
        case "grpc":
            failure = await failure_of(
                ChatServiceStub(chain.near).CreateCompletion(
                    message(f"eu/scripted/{model}"), metadata=chain.edge.metadata, timeout=0.5
                )
            )
            assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
        case "first token":
            answer = await post(chain.edge, body(f"brief/scripted/{model}"))
            assert (answer.status, answer.error["code"]) == (504, "first_token_timeout")
        case _:
            answer = await post(chain.edge, body(f"brief/scripted/{model}", stream=True))
            assert answer.chunks[-1]["error"]["code"] == "between_chunks_timeout"
    await asyncio.wait_for(vendors.scripted.requests[seen].closed.wait(), 10)


@pytest.mark.parametrize("phase", ["before headers", "before the first token", "in mid-stream"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_caller_that_hangs_up_stops_the_vendors_work(
    chain: Chain, vendors: Vendors, phase: str, *, stream: bool
) -> None:
    model = vendors.model()
    begun = phase == "in mid-stream"
    script = v.hang() if phase == "before headers" else v.hang_after_headers(*(EVENTS if begun else ()))
    vendors.scripted.always(script, model=model)
    seen = len(vendors.scripted.requests)
    async with aiohttp.ClientSession() as session:
        call = asyncio.ensure_future(
            session.post(
                chain.edge.base_url + PATH,
                data=json.dumps(body(f"eu/scripted/{model}", stream=stream)),
                headers={"x-api-key": chain.edge.api_key},
            )
        )
        await vendors.scripted.received(seen + 1)
        if begun and stream:
            response = await call
            assert await response.content.readany()
            response.close()
        else:
            call.cancel()
        await asyncio.wait_for(vendors.scripted.requests[seen].closed.wait(), 10)


@pytest.mark.parametrize("part", ["-m service.worker", "envoy"])
async def test_a_regional_one_that_dies_in_mid_stream_is_no_end(chain: Chain, vendors: Vendors, part: str) -> None:
    model, begun = vendors.model(), asyncio.Event()
    vendors.scripted.always(v.hang_after_headers(*EVENTS), model=model)
    reading = asyncio.create_task(stream(chain.edge, f"mortal/scripted/{model}", begun))
    await asyncio.wait_for(begun.wait(), 20)
    ((pid, _),) = [each for each in children_of(chain.mortal.process.pid).items() if part in each[1]]
    os.kill(pid, signal.SIGKILL)
    answer = await asyncio.wait_for(reading, 30)
    assert "[DONE]" not in answer.events
    assert answer.chunks[-1]["error"]["code"] == "stream_interrupted"
    async with asyncio.timeout(60):
        while (again := await post(chain.edge, body("mortal/fake/ok"))).status != 200:
            assert again.status in {502, 503}
