"""Nothing that a caller or a vendor makes long disturbs another stream, and its error comes whole and cut."""

import asyncio
import json

import aiohttp
import grpc
import grpc.aio
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.message_pb2 import ContentPart, Message
from yarl import URL

from tests import vendor as v
from tests.end_to_end.calls import PATH, body, failure_of, message, post
from tests.stack import Parley, Vendors

EVENTS = tuple(event + b"\n\n" for event in v.recording("openai-stream-usage.sse").split(b"\n\n") if event)
ANSWER = v.json_answer(v.recording("openai-unary.json"))
SCRIPTS = {"ascii": "x", "accents": "é", "emoji": "😀", "controls": "\u0001", "percent": "%"}


@pytest.mark.parametrize("length", [4_000, 8_000, 30_000, 60_000, 1_000_000])
@pytest.mark.parametrize("letter", SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_a_long_error_ends_no_other_stream(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel, letter: str, length: int
) -> None:
    gate, open_model, wrong = asyncio.Event(), vendors.model(), vendors.model()
    vendors.scripted.always(v.stream(EVENTS[0], EVENTS[1], gate, *EVENTS[2:]), model=open_model)
    text = letter * length
    vendors.scripted.always(v.openai_error(400, text), model=wrong)
    stub = ChatServiceStub(channel)
    headers = {"x-api-key": parley.api_key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            parley.base_url + PATH, json=body(f"scripted/{open_model}", stream=True), headers=headers
        ) as other,
    ):
        begun = await other.content.readany()
        told = await failure_of(stub.CreateCompletion(message(f"scripted/{wrong}"), metadata=parley.metadata))
        assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        answer = await post(parley, body(f"scripted/{wrong}", stream=True))
        assert answer.status == 400
        assert len(answer.error["message"]) <= 2000
        named = await failure_of(stub.CreateCompletion(message(f"gone/{text}"), metadata=parley.metadata))
        assert named.code is grpc.StatusCode.NOT_FOUND
        answer = await post(parley, body(f"gone/{text}"))
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
        answer = await post(
            parley, json.dumps({"model": f"gone/{text}"}).encode(), path="/parley.chat.v1.ModelService/GetModel"
        )
        assert answer.status in {404, 413}
        gate.set()
        rest = begun + await other.content.read()
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_thousands_of_names_that_were_left_out_are_one_entry(
    parley: Parley, vendors: Vendors, channel: grpc.aio.Channel
) -> None:
    messages = [{"role": "user", "name": f"n{at}", "content": "x"} for at in range(4_000)]
    answer = await post(parley, {"model": "claude/any", "messages": messages})
    assert len(answer.headers.get("x-parley-dropped", "")) < 512
    request = message("gone/any")
    request.messages.extend(Message(role="user", content=[ContentPart(text="x")]) for _ in range(4_000))
    told = await failure_of(ChatServiceStub(channel).CreateCompletion(request, metadata=parley.metadata))
    assert told.code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("kib", [8, 12, 16, 32, 56])
async def test_headers_below_the_limit_are_served_each_time(
    parley: Parley, channel: grpc.aio.Channel, kib: int
) -> None:
    cookies = "a" * (kib * 1024)
    sizes = [cookies[at : at + 8000] for at in range(0, len(cookies), 8000)]
    many = {f"x-cookie-{at}": value for at, value in enumerate(sizes)}
    for _ in range(8):
        assert (await post(parley, body("fake/ok"), headers=many)).status == 200
        metadata = (*parley.metadata, *many.items())
        await ChatServiceStub(channel).CreateCompletion(message("fake/ok"), metadata=metadata)


@pytest.mark.parametrize("kib", [64, 90])
async def test_headers_above_the_limit_are_431_by_name(parley: Parley, kib: int) -> None:
    many = {f"x-cookie-{at}": "a" * 7000 for at in range(kib * 1024 // 7000 + 1)}
    answer = await post(parley, body("fake/ok"), headers=many)
    assert (answer.status, answer.error["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize("key", [None, ""], ids=["no key", "key"])
@pytest.mark.parametrize(
    "path",
    ["/v1/models/%ff", "/v1/models/a%C3", "/v5/chat/completions/%ff",
     "/v1/models/%ED%A0%80", "/v1/models/%c0%80", "/%ff"],
)  # fmt: skip
async def test_a_path_that_is_not_utf_8_is_400(parley: Parley, path: str, key: str | None) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {} if key is None else {"x-api-key": parley.api_key}
        async with session.get(URL(parley.base_url + path, encoded=True), headers=headers) as response:
            told = await response.json()
    assert (response.status, told["error"]["code"]) == (400, "bad_request")
    assert "UTF-8" in told["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/v1/models?x=100%", "/v1/models?x=%e2%82%ac", "/v1/models?x=%ff", "/v1/models?x=%F0%9F%98%80"]
)
async def test_a_path_that_is_utf_8_is_served(parley: Parley, path: str) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"x-api-key": parley.api_key}
        async with session.get(URL(parley.base_url + path, encoded=True), headers=headers) as response:
            assert response.status == 200
