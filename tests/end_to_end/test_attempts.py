"""What happens when a deployment fails: before the first token another one answers, after it nothing is begun again."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.conformance.openai import refusal
from tests.end_to_end.calls import body, failure_of, message, post
from tests.stack import GUARDED_KEY, Parley, Vendors

ANSWER = v.json_answer(v.recording("openai-unary.json"))
STREAM = v.stream_bytes(v.recording("openai-stream-usage.sse"))
DOWN = v.openai_error(503, "down")
BEGUN = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n")[:3])


def sent_to(vendors: Vendors, seen: int) -> list[Any]:
    return [request.json.get("model") for request in vendors.scripted.requests[seen:]]


@pytest.mark.parametrize("stream", [False, True])
async def test_another_deployment_answers(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel, *, stream: bool
) -> None:
    good = STREAM if stream else ANSWER
    for bad, fine in (("a", "b"), ("b", "a")):
        vendors.scripted.always(DOWN, model=f"pair-{bad}")
        vendors.scripted.always(good, model=f"pair-{fine}")
        # The balance may choose the good one at once; of eight, some begin at the other.
        told = [await post(parley, body("scripted/pair", stream=stream)) for _ in range(8)]
        assert {answer.status for answer in told} == {200}
        reports = {answer.headers.get("x-parley-attempts") for answer in told}
        assert reports <= {None, f"scripted/pair/{bad}: unavailable, scripted/pair/{fine}"}
        caller = ChatServiceStub(channel)
        if stream:
            pieces = caller.StreamCompletion(message("scripted/pair"), metadata=parley.metadata)
            assert [chunk async for chunk in pieces]
        else:
            whole = await caller.CreateCompletion(message("scripted/pair"), metadata=parley.metadata)
            assert whole.model == "scripted/pair"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (v.stream_error(BEGUN[0]), "upstream_error"),
        (v.half_chunk(BEGUN[0]), "stream_interrupted"),
        (v.openai_error(401, "Incorrect API key provided: sk-p***", code="invalid_api_key"), "upstream_auth"),
    ],
    ids=["an error after the role", "cut after the role", "our key is refused"],
)
async def test_what_has_generated_nothing_is_replaced(
    parley: Parley, vendors: Vendors, script: v.Script, code: str
) -> None:
    vendors.scripted.answer(script, STREAM)
    seen = len(vendors.scripted.requests)
    answer = await post(parley, body("scripted/swap", stream=True))
    assert answer.events[-1] == "[DONE]"
    assert [chunk["choices"][0]["delta"].get("role") for chunk in answer.chunks].count("assistant") == 1
    one, other = (model.removeprefix("swap-") for model in sent_to(vendors, seen))
    assert {one, other} == {"a", "b"}
    assert answer.headers["x-parley-attempts"] == f"scripted/swap/{one}: {code}, scripted/swap/{other}"


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_another_deployment_overtakes_a_slow_one(parley: Parley, vendors: Vendors, *, stream: bool) -> None:
    slow = v.hang_after_headers(BEGUN[0]) if stream else v.hang()
    vendors.scripted.answer(slow, STREAM if stream else ANSWER)
    seen = len(vendors.scripted.requests)
    answer = await post(parley, body("scripted/hedged", stream=stream))
    assert answer.status == 200
    one, other = (model.removeprefix("hedged-") for model in sent_to(vendors, seen))
    assert {one, other} == {"a", "b"}
    assert answer.headers["x-parley-attempts"] == f"scripted/hedged/{one}: overtaken, scripted/hedged/{other}"
    await asyncio.wait_for(vendors.scripted.requests[seen].closed.wait(), 10)
    assert not vendors.scripted.requests[seen + 1].closed.is_set()


async def test_a_hedge_that_fails_leaves_the_first_alone(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel
) -> None:
    gate = asyncio.Event()
    vendors.scripted.answer(v.delayed(ANSWER, gate), DOWN)
    seen = len(vendors.scripted.requests)
    call = ChatServiceStub(channel).CreateCompletion(message("scripted/hedged"), metadata=parley.metadata)
    await (await vendors.scripted.received(seen + 2)).complete.wait()
    gate.set()
    assert (await call).model == "scripted/hedged"
    one, other = (model.removeprefix("hedged-") for model in sent_to(vendors, seen))
    told = dict(await call.initial_metadata())["x-parley-attempts"]
    assert told == f"scripted/hedged/{other}: unavailable, scripted/hedged/{one}"


async def test_a_deployment_that_the_caller_picked_is_not_replaced(parley: Parley, vendors: Vendors) -> None:
    vendors.scripted.always(DOWN, model="pair-a")
    vendors.scripted.always(ANSWER, model="pair-b")
    seen = len(vendors.scripted.requests)
    answer = await post(parley, body("scripted/pair/a"))
    assert answer.status == 503
    assert set(sent_to(vendors, seen)) == {"pair-a"}


async def test_the_only_deployment_is_tried_again(parley: Parley, vendors: Vendors) -> None:
    seen = len(vendors.scripted.requests)
    vendors.scripted.answer(v.openai_error(500, "oops"), v.html(502), ANSWER)
    answer = await post(parley, body("scripted/again"))
    assert answer.status == 200
    assert sent_to(vendors, seen) == ["again"] * 3
    expected = "scripted/again: upstream_error, scripted/again: bad_upstream, scripted/again"
    assert answer.headers["x-parley-attempts"] == expected


async def test_what_was_tried_is_told_with_the_failure(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel
) -> None:
    vendors.scripted.always(DOWN, model="again")
    answer = await post(parley, body("scripted/again"))
    assert answer.status == 503
    assert answer.headers["x-parley-attempts"].startswith("scripted/again: unavailable")
    failure = await failure_of(
        ChatServiceStub(channel).CreateCompletion(message("scripted/again"), metadata=parley.metadata)
    )
    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert "scripted/again: unavailable" in failure.info["attempts"]


@pytest.mark.parametrize(
    ("script", "status"),
    [(v.openai_error(429, "later", retry_after="30"), 429), (v.openai_error(400, "bad"), 400)],
    ids=["a long wait", "a bad request"],
)
async def test_what_a_retry_cannot_mend_is_told_at_once(
    parley: Parley, vendors: Vendors, script: v.Script, status: int
) -> None:
    seen = len(vendors.scripted.requests)
    vendors.scripted.always(script, model="again")
    assert (await post(parley, body("scripted/again"))).status == status
    assert sent_to(vendors, seen) == ["again"]


async def test_another_model_answers_by_what_went_wrong(parley: Parley, vendors: Vendors) -> None:
    too_long = refusal(400, "too long", "invalid_request_error", "context_length_exceeded")
    vendors.scripted.always(ANSWER, model="spare")
    vendors.scripted.always(ANSWER, model="long")
    for script, place in ((DOWN, "spare"), (v.json_answer(too_long.body, 400), "long")):
        vendors.scripted.always(script, model="guarded")
        seen = len(vendors.scripted.requests)
        answer = await post(parley, body("scripted/guarded"))
        assert (answer.status, sent_to(vendors, seen)) == (200, ["guarded", place])
        assert answer.json["model"] == "scripted/guarded"
        assert answer.headers["x-parley-attempts"].endswith(f", scripted/{place}")
    vendors.scripted.always(v.openai_error(400, "bad"), model="guarded")
    assert (await post(parley, body("scripted/guarded"))).status == 400


async def test_a_fallback_opens_no_model_that_the_key_is_not_good_for(parley: Parley, vendors: Vendors) -> None:
    vendors.scripted.always(DOWN, model="guarded")
    vendors.scripted.always(ANSWER, model="spare")
    seen = len(vendors.scripted.requests)
    assert (await post(parley, body("scripted/guarded"), key=GUARDED_KEY)).status == 503
    assert sent_to(vendors, seen) == ["guarded"]


async def test_an_answer_that_has_begun_is_never_begun_again(parley: Parley, vendors: Vendors) -> None:
    seen = len(vendors.scripted.requests)
    vendors.scripted.always(v.stream_error(*BEGUN), model="again")
    answer = await post(parley, body("scripted/again", stream=True))
    assert set(answer.chunks[-1]) == {"error"}
    assert sent_to(vendors, seen) == ["again"]


async def test_a_full_deployment_sends_callers_away_and_who_leaves_makes_room(parley: Parley, vendors: Vendors) -> None:
    vendors.scripted.always(v.hang(), model="narrow")
    seen = len(vendors.scripted.requests)
    first = asyncio.ensure_future(post(parley, body("scripted/narrow")))
    await vendors.scripted.received(seen + 1)
    refused = await post(parley, body("scripted/narrow"))
    assert (refused.status, refused.error["code"]) == (429, "queue_full")
    assert int(refused.headers["retry-after"]) >= 1
    first.cancel()
    await asyncio.wait_for(vendors.scripted.requests[seen].closed.wait(), 10)
    vendors.scripted.always(ANSWER, model="narrow")
    # The vendor has seen the caller go; the place is free as soon as the worker has, too.
    async with asyncio.timeout(10):
        while (await post(parley, body("scripted/narrow"))).status != 200:
            pass


OUT_OF_CREDIT = v.openai_error(429, "You exceeded your current quota", code="insufficient_quota")


@pytest.mark.parametrize(
    "script",
    [OUT_OF_CREDIT, *(v.openai_error(status, "no") for status in (401, 402, 403, 404, 408, 409, 424, 425, 498, 503))],
    ids=["out of credit", *"401 402 403 404 408 409 424 425 498 503".split()],
)
async def test_what_is_not_the_requests_fault_goes_to_the_fallback(
    parley: Parley, vendors: Vendors, script: v.Script
) -> None:
    vendors.scripted.always(script, model="guarded")
    vendors.scripted.always(ANSWER, model="spare")
    answer = await post(parley, body("scripted/guarded"))
    assert answer.status == 200
    assert answer.headers["x-parley-attempts"].endswith(", scripted/spare")


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_is_the_requests_fault_is_told(parley: Parley, vendors: Vendors, status: int) -> None:
    vendors.scripted.always(v.openai_error(status, "no"), model="guarded")
    assert (await post(parley, body("scripted/guarded"))).status == status


@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 424])
async def test_a_sibling_answers_what_one_place_refuses(parley: Parley, vendors: Vendors, status: int) -> None:
    for bad, fine in (("a", "b"), ("b", "a")):
        vendors.scripted.always(v.openai_error(status, "no"), model=f"pair-{bad}")
        vendors.scripted.always(ANSWER, model=f"pair-{fine}")
        assert {(await post(parley, body("scripted/pair"))).status for _ in range(8)} == {200}
