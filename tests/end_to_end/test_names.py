"""One name over two vendors of two dialects, and the short names that some SDKs send."""

import json

import aiohttp
import grpc.aio
import pytest
from openai import AsyncOpenAI
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.conformance.anthropic import WORDS, end, start, whole
from tests.end_to_end.calls import body, message, post
from tests.stack import LIMITED_KEY, NAMED_KEY, Parley, Vendors

OPENAI = v.either(
    unary=v.json_answer(v.recording("openai-unary.json")),
    streamed=v.stream_bytes(v.recording("openai-stream-usage.sse")),
)
ANTHROPIC = v.either(
    unary=v.json_answer(whole([{"type": "text", "text": "Hello, wörld ✓"}], "end_turn", 12, 7).body),
    streamed=v.stream(start(), *WORDS, *end()),
)
DOWN = v.openai_error(503, "down")
OVERLOADED = v.json_answer({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529)


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize(
    ("a", "b", "answers"),
    [(OPENAI, OVERLOADED, "scripted/mixed-a"), (DOWN, ANTHROPIC, "fan/mixed-b")],
    ids=["anthropic fails", "openai fails"],
)
async def test_a_vendor_of_another_dialect_takes_over(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel, a: v.Script, b: v.Script, answers: str, *, stream: bool
) -> None:
    vendors.scripted.always(a, model="mixed-a")
    vendors.scripted.always(b, model="mixed-b")
    # The balance may choose the good one at once, and the more the longer the other fails; of forty, some begin there.
    told = [await post(parley, body(name, stream=stream), key=NAMED_KEY) for name in ("mixed", "team") * 20]
    assert {answer.status for answer in told} == {200}
    assert {answer.headers["x-parley-model"] for answer in told} == {answers}
    assert any("x-parley-attempts" in answer.headers for answer in told)
    whole_or_first = [answer.chunks[0] if stream else answer.json for answer in told]
    assert [each["model"] for each in whole_or_first] == ["mixed", "team"] * 20
    caller = ChatServiceStub(channel)
    metadata = (("x-api-key", NAMED_KEY),)
    if stream:
        pieces = caller.StreamCompletion(message("mixed"), metadata=metadata)
        assert [chunk async for chunk in pieces]
        initial = await pieces.initial_metadata()
    else:
        call = caller.CreateCompletion(message("mixed"), metadata=metadata)
        assert (await call).choices[0].message.content
        initial = await call.initial_metadata()
    assert dict(initial)["x-parley-model"] == answers


async def test_what_one_vendor_cannot_honour_goes_to_the_other(parley: Parley, vendors: Vendors) -> None:
    vendors.scripted.always(OPENAI, model="mixed-a")
    vendors.scripted.always(ANTHROPIC, model="mixed-b")
    seen = len(vendors.scripted.requests)
    told = [await post(parley, body("mixed", logprobs=True)) for _ in range(8)]
    assert {(answer.status, answer.headers["x-parley-model"]) for answer in told} == {(200, "scripted/mixed-a")}
    assert {"mixed/b: unsupported_parameter, mixed/a"} == {
        answer.headers["x-parley-attempts"] for answer in told if "x-parley-attempts" in answer.headers
    }
    assert {request.json["model"] for request in vendors.scripted.requests[seen:]} == {"mixed-a"}


async def test_what_the_vendor_said_is_told_where_the_other_could_not_be_asked(
    parley: Parley, vendors: Vendors
) -> None:
    vendors.scripted.always(DOWN, model="mixed-a")
    told = [await post(parley, body("mixed", logprobs=True)) for _ in range(4)]
    assert {(answer.status, answer.error["code"]) for answer in told} == {(503, "unavailable")}


async def test_a_client_may_leave_out_the_vendor(parley: Parley, vendors: Vendors) -> None:
    vendors.scripted.always(OPENAI, model="again")
    async with AsyncOpenAI(base_url=parley.base_url + "/v1", api_key=parley.api_key, max_retries=0) as client:
        # As OpenAI's Agents SDK sends `openai/again`.
        answer = await client.chat.completions.with_raw_response.create(
            model="again", messages=[{"role": "user", "content": "hi"}]
        )
    assert answer.headers["x-parley-model"] == "scripted/again"
    several = await post(parley, body("some-model"))
    assert several.status == 404
    assert "say which: brief/some-model, fan/some-model, scripted/some-model" in several.error["message"]


@pytest.mark.parametrize("name", ["mixed", "team", "mixed/a", "again", "scripted/again", "no-such"])
async def test_no_name_leads_past_a_key(parley: Parley, name: str) -> None:
    answer = await post(parley, body(name), key=LIMITED_KEY)
    assert (answer.status, answer.error["code"]) == (403, "model_not_allowed")
    assert "scripted" not in answer.error["message"].replace(name, "")


async def test_a_key_is_shown_its_names_and_whose_they_are(parley: Parley) -> None:
    headers = {"x-api-key": NAMED_KEY}
    async with aiohttp.ClientSession(parley.base_url, headers=headers) as session:
        async with session.get("/v1/models") as response:
            listed = json.loads(await response.read())["data"]
        async with session.get("/v1/models/team") as response:
            one = json.loads(await response.read())
    assert [(model["id"], model["owned_by"]) for model in listed] == [
        ("mixed", "parley"),
        ("scripted/one", "scripted"),
        ("team", "parley"),
    ]
    assert (one["id"], one["owned_by"]) == ("team", "parley")
