"""Any request at all: the answer is 200 or a 4xx that names a path, never a 5xx, never a hang."""

import asyncio
import json
from typing import Any

import grpc
import grpc.aio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest

from tests.codec.strategies import documents, messages
from tests.end_to_end.calls import failure_of, post
from tests.stack import LOCAL_MODEL, Parley

# Those that reach a vendor that answers, and the embedded model without running it for long.
MODELS = ("fake/ok", LOCAL_MODEL)
SOUND: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
LIMIT_S = 60
CLIENT_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
fuzzed = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("model", MODELS)
@fuzzed
@given(document=documents(CompletionRequest), sound=st.booleans(), stream=st.booleans())
async def test_any_json_over_rest(
    parley: Parley, model: str, document: dict[str, Any], *, sound: bool, stream: bool
) -> None:
    """With a sound base, so that one wrong member is met at a time, and without."""
    body = {**(SOUND if sound else {}), **document, "model": model, "stream": stream}
    if sound:
        body |= SOUND
    try:
        data = json.dumps(body).encode()
    except (ValueError, TypeError):
        return
    answer = await asyncio.wait_for(post(parley, data), LIMIT_S)
    if answer.status != 200:
        # A time limit that the request set itself is the one failure that it can ask for.
        assert 400 <= answer.status < 500 or answer.error["code"] == "total_timeout", answer.body
        assert answer.error["message"]
        if answer.error["code"] in {"invalid_value", "unsupported_parameter"}:
            assert answer.error["param"], answer.body


@fuzzed
@given(request_=messages(CompletionRequest))
async def test_any_message_over_grpc(parley: Parley, channel: grpc.aio.Channel, request_: Any) -> None:
    request_.model = "fake/ok"
    call = ChatServiceStub(channel).CreateCompletion(request_, metadata=parley.metadata, timeout=LIMIT_S)
    try:
        await call
    except grpc.aio.AioRpcError:
        failure = await failure_of(call)
        assert failure.code in CLIENT_CODES, failure
        assert failure.reason
