"""What goes wrong at a real vLLM, and what it stops doing when its caller goes away."""

import asyncio
from typing import Any

import aiohttp
import grpc.aio
import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from tests.end_to_end.calls import PATH, failure_of, stub
from tests.stack import Parley
from tests.vllm.conftest import Note
from tests.vllm.server import CONTEXT, MODEL
from tests.vllm.talk import LONG, NAME, PATIENCE, RUNNING, Vllm, ask, request, shown


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("field", "value"), [("guided_grammar", "root ::= (("), ("guided_regex", "((")])
async def test_a_constraint_that_is_none_is_refused(
    parley: Parley, note: Note, field: str, value: str, stream: bool
) -> None:
    fields: dict[str, Any] = {field: value, "stream": stream}
    came = await ask(parley, **fields)
    assert came.status == 400
    assert came.error["type"] == "invalid_request_error"
    if not stream:
        note(field, shown(value), f"400 `{came.error['code']}`: {came.error['message'][:80]} …")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_that_is_too_long_is_named_so(parley: Parley, note: Note, stream: bool) -> None:
    came = await ask(parley, messages=[{"role": "user", "content": "word " * (CONTEXT + 100)}], stream=stream)
    assert (came.status, came.error["code"]) == (400, "context_length_exceeded")
    if not stream:
        note("messages", f"more than {CONTEXT} tokens", f"400 `{came.error['code']}`")


async def test_over_grpc_it_is_the_status(channel: grpc.aio.Channel, parley: Parley) -> None:
    content = [ContentPart(text="word " * (CONTEXT + 100))]
    long = CompletionRequest(model=NAME, messages=[Message(role="user", content=content)])
    for call in (stub(channel).CreateCompletion, stub(channel).StreamCompletion):
        failure = await failure_of(call(long, metadata=parley.metadata))
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
        assert failure.reason == "CONTEXT_LENGTH_EXCEEDED"


async def test_too_many_tokens_are_refused(parley: Parley, note: Note) -> None:
    came = await ask(parley, max_tokens=CONTEXT + 1)
    assert (came.status, came.error["param"]) == (400, "max_tokens")
    note("max_tokens", str(CONTEXT + 1), f"400, param `{came.error['param']}`")


async def test_a_model_that_vllm_does_not_serve_is_not_found(parley: Parley, note: Note) -> None:
    came = await ask(parley, "vllm/nothing")
    assert (came.status, came.error["code"]) == (404, "model_not_found")
    note("model", "one that vLLM does not serve", "404 `model_not_found`")


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_that_comes_as_an_event_is_an_error(parley: Parley, note: Note, stream: bool) -> None:
    came = await ask(parley, logit_bias={"99999999": 1}, stream=stream)
    assert (came.status, came.error["param"]) == (400, "logit_bias")
    if stream:
        note("logit_bias", "a token that there is not, streamed", "400, param `logit_bias` (vLLM: 200 and an event)")


async def test_a_service_without_a_key_is_not_the_callers_fault(parley: Parley, note: Note) -> None:
    came = await ask(parley, f"keyless/{MODEL}")
    assert (came.status, came.error["code"]) == (500, "upstream_auth")
    note("vendors.NAME.api_key", "missing, where vLLM wants one", "500 `upstream_auth`, not 401")


async def test_vllm_stops_when_a_rest_caller_goes_away(parley: Parley, vllm: Vllm, note: Note) -> None:
    before = await vllm.work()
    headers = {"x-api-key": parley.api_key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(parley.base_url + PATH, json=request(NAME, **LONG, stream=True), headers=headers) as response,
    ):
        assert (await response.content.readuntil(b"\n\n")).startswith(b"data: ")
        assert await vllm.metric(RUNNING) == 1
        response.close()
    await vllm.stopped(before)
    note(
        "a caller that goes away", "in mid-stream, by REST and gRPC", "vLLM stops at once: `num_requests_running` is 0"
    )


async def test_vllm_stops_when_a_grpc_caller_goes_away(channel: grpc.aio.Channel, parley: Parley, vllm: Vllm) -> None:
    before = await vllm.work()
    message = Message(role="user", content=[ContentPart(text="hi")])
    long = CompletionRequest(model=NAME, messages=[message], max_tokens=2000, extra_fields='{"ignore_eos":true}')
    call = stub(channel).StreamCompletion(long, metadata=parley.metadata)
    await call.read()
    assert await vllm.metric(RUNNING) == 1
    call.cancel()
    await vllm.stopped(before)


async def test_vllm_stops_when_a_caller_of_a_whole_answer_goes_away(parley: Parley, vllm: Vllm) -> None:
    before = await vllm.work()
    waiting = asyncio.ensure_future(ask(parley, **LONG))
    await vllm.until(RUNNING, 1)
    waiting.cancel()
    await vllm.stopped(before)


async def test_vllm_stops_when_the_time_is_over(parley: Parley, vllm: Vllm, note: Note) -> None:
    before = await vllm.work()
    async with asyncio.timeout(PATIENCE):
        came = await ask(parley, **LONG, inference_timeout=1)
    assert (came.status, came.error["code"]) == (504, "total_timeout")
    await vllm.stopped(before)
    note("inference_timeout", "1, of an answer of a minute", f"504 `{came.error['code']}`; vLLM stops at once")
