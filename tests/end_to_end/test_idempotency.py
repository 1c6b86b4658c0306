"""A request that is sent again, to a service with two workers of which only one has seen it."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from tests.stack import Parley, Vendors, configuration, running
from tests.vendor import delayed, json_answer

REPEATS = 8
"""Enough to meet both workers by chance, if chance decided."""

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
}


@pytest.fixture(scope="module")
async def pair(vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parley]:
    config = configuration(vendors) | {"workers": 2, "models": {"scripted/*": {"retries": {"attempts": 0}}}}
    del config["keys"]
    async with running(config, tmp_path_factory.mktemp("pair")) as parley:
        yield parley


def body(model: str, text: str = "hi") -> dict[str, object]:
    return {"model": f"scripted/{model}", "messages": [{"role": "user", "content": text}]}


def times_asked(vendors: Vendors, model: str) -> int:
    return sum(request.json["model"] == model for request in vendors.scripted.requests)


async def ask(parley: Parley, json: object, key: str) -> tuple[int, str, str | None]:
    """Over a connection of its own, so that nothing else brings repeats to the same worker."""
    async with (
        aiohttp.ClientSession(parley.base_url) as http,
        http.post("/v1/chat/completions", json=json, headers={"idempotency-key": key}) as answer,
    ):
        return answer.status, await answer.text(), answer.headers.get("idempotent-replayed")


async def test_repeats_over_rest_reach_the_worker_that_has_the_answer(pair: Parley, vendors: Vendors) -> None:
    model, key = vendors.model(), str(uuid.uuid4())
    vendors.scripted.always(json_answer(ANSWER), model=model)
    answers = [await ask(pair, body(model), key) for _ in range(REPEATS)]
    assert [(status, replayed) for status, _, replayed in answers] == [(200, None), *[(200, "true")] * (REPEATS - 1)]
    assert len({text for _, text, _ in answers}) == 1
    assert times_asked(vendors, model) == 1


async def test_repeats_while_the_first_is_answered_wait_for_it(pair: Parley, vendors: Vendors) -> None:
    model, key, go = vendors.model(), str(uuid.uuid4()), asyncio.Event()
    vendors.scripted.always(delayed(json_answer(ANSWER), go), model=model)
    first = asyncio.create_task(ask(pair, body(model), key))
    await vendors.scripted.received(len(vendors.scripted.requests) + 1)
    others = [asyncio.create_task(ask(pair, body(model), key)) for _ in range(REPEATS)]
    go.set()
    answers = await asyncio.gather(first, *others)
    assert {status for status, _, _ in answers} == {200}
    assert times_asked(vendors, model) == 1


async def test_another_body_with_the_same_key_is_422(pair: Parley, vendors: Vendors) -> None:
    model, key = vendors.model(), str(uuid.uuid4())
    vendors.scripted.always(json_answer(ANSWER), model=model)
    assert (await ask(pair, body(model), key))[0] == 200
    status, text, _ = await ask(pair, body(model, "ho"), key)
    assert status == 422
    assert '"code":"idempotency_key_reused"' in text
    assert '"param":"idempotency-key"' in text
    assert times_asked(vendors, model) == 1


async def test_a_key_beyond_all_bounds_is_refused_by_name(pair: Parley, vendors: Vendors) -> None:
    status, text, _ = await ask(pair, body(vendors.model()), "k" * 256)
    assert status == 400
    assert '"param":"idempotency-key"' in text


async def test_repeats_over_grpc_get_the_first_answer(pair: Parley, vendors: Vendors) -> None:
    model = vendors.model()
    vendors.scripted.always(json_answer(ANSWER), model=model)
    message = Message(role="user", content=[ContentPart(text="hi")])
    request = CompletionRequest(model=f"scripted/{model}", messages=[message])
    metadata = (("idempotency-key", str(uuid.uuid4())),)
    replayed: list[bool] = []
    for _ in range(REPEATS):
        async with pair.channel() as channel:
            call = ChatServiceStub(channel).CreateCompletion(request, metadata=metadata)
            assert (await call).choices[0].message.content[0].text == "hello"
            replayed.append(("idempotent-replayed", "true") in list(await call.initial_metadata()))
    assert replayed == [False, *[True] * (REPEATS - 1)]
    assert times_asked(vendors, model) == 1
