"""A vendor's version is asked where a request's form depends on it, and only there, and only once."""

import asyncio
import dataclasses
from contextlib import aclosing

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.dialect import Target
from service.backends.vendors import DIALECTS
from service.errors import ApiError, Kind
from service.upstream import Driver
from service.upstream.versions import Versions
from tests.upstream.stage import PATIENCE, Stage, staged
from tests.vendor import delayed, html, json_answer, recording, stream_bytes
from tests.vendor.script import Script

VERSION = json_answer({"version": "0.32.0"})


def answer() -> Script:
    return stream_bytes(recording("vllm-stream.sse"))


def target_of(stage: Stage, name: str = "") -> Target:
    target = stage.target(f"{stage.vendor.base_url}/team{name}/v1")
    return dataclasses.replace(target, vendor="vllm", dialect=DIALECTS["vllm"], credential="sk-vendor")


async def ask(driver: Driver, target: Target, *, guided: bool = True) -> None:
    message = Message(role="user", content=[ContentPart(text="hi")])
    request = CompletionRequest(messages=[message], guided_regex="[a-z]+" if guided else None)
    deadline = asyncio.get_running_loop().time() + PATIENCE
    async with aclosing(driver.run(request, target, stream=True, request_id="r", deadline=deadline)) as batches:
        assert [batch async for batch in batches]


def asked(stage: Stage) -> list[str]:
    return [f"{request.method} {request.path}" for request in stage.vendor.requests]


@staged
async def test_it_is_asked_once_for_each_place_and_only_where_it_matters(stage: Stage) -> None:
    driver = Driver(stage.transport)
    target = target_of(stage)
    stage.vendor.answer(answer(), VERSION, answer(), answer(), json_answer({"version": "0.10.0"}), answer())
    await ask(driver, target, guided=False)
    await ask(driver, target)
    await ask(driver, target)
    await ask(driver, target_of(stage, "2"))
    call = "POST /team/v1/chat/completions"
    assert asked(stage) == [call, "GET /team/version", call, call, "GET /team2/version", call.replace("team", "team2")]
    new, old = stage.vendor.requests[2].json, stage.vendor.requests[5].json
    assert new["structured_outputs"] == {"regex": "[a-z]+"}
    assert old["guided_regex"] == "[a-z]+"
    assert stage.vendor.requests[1].headers["authorization"] == "Bearer sk-vendor"
    assert stage.vendor.requests[1].body == b""


@staged
async def test_many_requests_at_once_ask_once(stage: Stage) -> None:
    gate = asyncio.Event()
    driver = Driver(stage.transport)
    stage.vendor.answer(delayed(VERSION, gate))
    stage.vendor.always(answer())
    waiting = [asyncio.ensure_future(ask(driver, target_of(stage))) for _ in range(5)]
    await stage.vendor.received()
    gate.set()
    await asyncio.gather(*waiting)
    assert asked(stage).count("GET /team/version") == 1
    assert len(stage.vendor.requests) == 6


@staged
async def test_whoever_asks_may_go_away_without_harm_to_those_who_wait(stage: Stage) -> None:
    gate = asyncio.Event()
    driver = Driver(stage.transport)
    stage.vendor.answer(delayed(VERSION, gate), VERSION)
    stage.vendor.always(answer())
    first = asyncio.ensure_future(ask(driver, target_of(stage)))
    request = await stage.vendor.received()
    second = asyncio.ensure_future(ask(driver, target_of(stage)))
    first.cancel()
    async with asyncio.timeout(PATIENCE):
        await request.closed.wait()
        await second
    assert first.cancelled()


@staged
async def test_it_is_asked_again_after_a_while(stage: Stage) -> None:
    driver = Driver(stage.transport, versions=Versions(fresh=0))
    stage.vendor.answer(json_answer({"version": "0.10.0"}), answer(), VERSION, answer())
    await ask(driver, target_of(stage))
    await ask(driver, target_of(stage))
    assert "guided_regex" in stage.vendor.requests[1].json
    assert "structured_outputs" in stage.vendor.requests[3].json


@staged
async def test_a_vendor_that_does_not_say_it_is_an_error_that_tells_what_to_set(stage: Stage) -> None:
    driver = Driver(stage.transport)
    silent = (
        json_answer({"detail": "Not Found"}, 404),
        json_answer({"version": "0.32.0"}, 500),
        html(200),
        json_answer({"version": "dev"}),
    )
    for script in silent:
        stage.vendor.answer(script)
        with pytest.raises(ApiError) as caught:
            await ask(driver, target_of(stage))
        assert (caught.value.kind, caught.value.param) == (Kind.UNAVAILABLE, "guided_regex")
        assert "vllm_version" in caught.value.message
        assert "127.0.0.1" not in caught.value.message
    assert len(stage.vendor.requests) == len(silent)
    stage.vendor.answer(VERSION, answer())
    await ask(driver, target_of(stage))
