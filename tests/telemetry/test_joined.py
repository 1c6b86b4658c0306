"""Metrics, traces and logs of one request are found by its id, over either face."""

import json

import grpc.aio
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests import vendor as v
from tests.end_to_end.calls import body, message, post
from tests.stack import Vendors
from tests.telemetry.otlp import Receiver
from tests.telemetry.stage import Stage

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
STREAM = v.stream_bytes(v.recording("openai-stream-usage.sse"))


async def ask(stage: Stage, channel: grpc.aio.Channel, model: str, face: str, request_id: str, trace: str) -> None:
    headers = {"x-request-id": request_id, "traceparent": trace}
    if face == "rest":
        answer = await post(stage.parley, body(model, stream=True), headers=headers)
        assert answer.events[-1] == "[DONE]"
    else:
        metadata = (*stage.parley.metadata, *headers.items())
        stream = ChatServiceStub(channel).StreamCompletion(message(model), metadata=metadata)
        assert [chunk async for chunk in stream]


@pytest.mark.parametrize("face", ["rest", "grpc"])
async def test_one_request_is_found_by_its_id_in_all_three(
    stage: Stage, receiver: Receiver, vendors: Vendors, channel: grpc.aio.Channel, face: str
) -> None:
    model, request_id = vendors.model(), f"joined-{face}"
    trace = TRACE[:-1] + str(len(face))
    vendors.scripted.always(STREAM, model=model)
    await ask(stage, channel, f"scripted/{model}", face, request_id, f"00-{trace}-{PARENT}-01")

    server, client = sorted(await receiver.of_request(request_id, 2), key=lambda seen: -seen.span.kind)[::-1]
    assert (server.span.kind, client.span.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert server.trace_id == client.trace_id == trace
    assert server.span.parent_span_id.hex() == PARENT
    assert client.span.parent_span_id == server.span.span_id
    assert server.service == "parley"
    (sent,) = [request for request in vendors.scripted.requests if request.json.get("model") == model]
    assert sent.headers["traceparent"] == f"00-{trace}-{client.span.span_id.hex()}-01"
    assert sent.headers["x-request-id"] == request_id
    told = client.attributes
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == model
    assert told["gen_ai.response.model"].startswith("gpt-")  # type: ignore[union-attr]
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert told["gen_ai.usage.input_tokens"] > 0  # type: ignore[operator]
    assert told["gen_ai.usage.output_tokens"] > 0  # type: ignore[operator]
    assert told["server.address"] == "127.0.0.1"
    assert f":{told['server.port']}" in vendors.scripted.base_url
    assert "error.type" not in told
    assert server.attributes["parley.outcome"] == "ok"
    inside = server.span.start_time_unix_nano <= client.span.start_time_unix_nano
    assert inside
    assert client.span.end_time_unix_nano <= server.span.end_time_unix_nano

    lines = [json.loads(line) for line in (await stage.parley.log_with(request_id)).splitlines() if request_id in line]
    (line,) = [line for line in lines if line["logger"] == "parley.request"]
    assert line["trace_id"] == trace
    assert line["face"] == face
    assert line["outcome"] == "ok"
    assert line["completion_tokens"] == told["gen_ai.usage.output_tokens"]

    counted = [s for s in await stage.samples() if s.exemplar and s.exemplar.labels.get("request_id") == request_id]
    (exemplar,) = [(s.labels["face"], s.labels["model"], s.exemplar.labels["trace_id"]) for s in counted if s.exemplar]
    assert exemplar == (face, "scripted/*", trace)
