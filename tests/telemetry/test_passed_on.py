"""A trace context that the service takes no part in reaches the vendor as it came, unless a setting keeps it."""

from pathlib import Path

import pytest
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.end_to_end.calls import body, message, post
from tests.stack import Vendors, configuration
from tests.telemetry.stage import Stage, staged

TRACE = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
}
STREAM = v.stream_bytes(v.recording("openai-stream-usage.sse"))


async def sent_by(stage: Stage, vendors: Vendors, face: str) -> dict[str, str]:
    """The trace context that the vendor got of a request with one."""
    model = vendors.model()
    vendors.scripted.always(STREAM, model=model)
    if face == "rest":
        answer = await post(stage.parley, body(f"scripted/{model}", stream=True), headers=TRACE)
        assert answer.events[-1] == "[DONE]"
    else:
        async with stage.parley.channel() as channel:
            call = ChatServiceStub(channel).StreamCompletion(
                message(f"scripted/{model}"), metadata=(*stage.parley.metadata, *TRACE.items())
            )
            assert [chunk async for chunk in call]
    (sent,) = [request for request in vendors.scripted.requests if request.json.get("model") == model]
    return {name: sent.headers[name] for name in TRACE if name in sent.headers}


@pytest.mark.parametrize(("propagate", "expected"), [(True, TRACE), (False, {})], ids=["passed on", "kept"])
async def test_without_tracing_a_trace_context_is_passed_on_unchanged(
    propagate: bool, expected: dict[str, str], vendors: Vendors, tmp_path: Path
) -> None:
    config = configuration(vendors) | {"tracing": {"propagate": propagate}}
    async with staged(config, tmp_path) as stage:
        assert [await sent_by(stage, vendors, face) for face in ("rest", "grpc")] == [expected, expected]


async def test_with_tracing_the_state_stays_with_the_trace(stage: Stage, vendors: Vendors) -> None:
    sent = await sent_by(stage, vendors, "rest")
    assert sent["traceparent"] != TRACE["traceparent"]
    assert sent["traceparent"][:35] == TRACE["traceparent"][:35]
    assert sent["tracestate"] == TRACE["tracestate"]
