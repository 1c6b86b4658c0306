"""No prompt, no answer and no key shows in metrics, traces or logs, unless somebody asks for prompts."""

import contextlib
import json
from pathlib import Path

import grpc.aio
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from gateway.tracing import EdgeTracing
from tests import vendor as v
from tests.end_to_end.calls import body, failure_of, post
from tests.stack import VENDOR_KEY, Vendors, configuration
from tests.telemetry.otlp import Receiver
from tests.telemetry.stage import Stage, staged

WRONG = "parley-wrong-key-0123456789"
PROMPT = "the planted prompt 4711"
ANSWER = "the planted answer 0815"


def planted(model: str) -> dict[str, object]:
    return {**body(model, stream=True), "messages": [{"role": "user", "content": PROMPT}]}


def chunk(text: str | None, finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def streamed() -> v.Script:
    return v.stream(chunk(ANSWER[:9]), chunk(ANSWER[9:]), chunk("", "stop"), v.DONE)


@pytest.mark.parametrize(
    "script",
    [
        streamed(),
        v.openai_error(400, f"cannot read {PROMPT!r}"),
        v.openai_error(401, f"Incorrect API key provided: {VENDOR_KEY}"),
        v.openai_error(503, f"no room for {PROMPT!r}"),
        v.stream_error(chunk(ANSWER), message=f"died of {PROMPT!r}"),
        v.stream(chunk(ANSWER), b"data: {\n\n", v.DONE),
        v.html(502, f"<p>{PROMPT}</p>".encode()),
    ],
    ids=["answer", "refused", "key", "down", "broken", "malformed", "page"],
)
async def test_neither_prompts_nor_keys_show(
    stage: Stage, receiver: Receiver, vendors: Vendors, channel: grpc.aio.Channel, script: v.Script
) -> None:
    model = vendors.model()
    vendors.scripted.always(script, model=model)
    message = CompletionRequest(
        model=f"scripted/{model}", messages=[Message(role="user", content=[ContentPart(text=PROMPT)])]
    )
    for key in (stage.parley.api_key, WRONG):
        request_id = f"secret-{model}-{key[-4:]}"
        await post(stage.parley, planted(f"scripted/{model}"), key=key, headers={"x-request-id": request_id})
        metadata = (("x-api-key", key), ("x-request-id", request_id))
        call = ChatServiceStub(channel).StreamCompletion(message, metadata=metadata)
        with contextlib.suppress(grpc.aio.AioRpcError):
            assert [each async for each in call]
        await receiver.of_request(request_id, 4 if key != WRONG else 2)
    _, _, page = await stage.page()
    await post(stage.parley, b"{", headers={"x-request-id": f"last-{model}"})
    log = await stage.parley.log_with(f"last-{model}")
    assert f"secret-{model}" in log
    assert '"level":"debug"' in log
    sent = b"".join(receiver.raw).decode(errors="replace")
    for secret in (PROMPT, ANSWER, ANSWER[:9], stage.parley.api_key, WRONG, VENDOR_KEY):
        for place in (page, log, sent):
            assert secret not in place


async def test_content_and_envoys_span_are_there_where_they_are_asked_for(
    vendors: Vendors, receiver: Receiver, tmp_path: Path
) -> None:
    model, request_id = vendors.model(), "11111111-2222-4333-8444-555555555555"
    vendors.scripted.always(streamed(), model=model)
    tracing = {"endpoint": receiver.endpoint, "sample": 1, "content": True, "propagate": False}
    edge = EdgeTracing.to(receiver.endpoint, sample=1)
    async with staged(configuration(vendors) | {"tracing": tracing}, tmp_path, edge_tracing=edge) as stage:
        headers = {"x-request-id": request_id}
        answer = await post(stage.parley, planted(f"scripted/{model}"), headers=headers)
        assert answer.headers["x-request-id"] == request_id
        spans = {(seen.service, seen.span.kind): seen for seen in await receiver.of_request(request_id, 3)}
        edge_span = spans["parley-edge", Span.SPAN_KIND_SERVER]
        server, client = spans["parley", Span.SPAN_KIND_SERVER], spans["parley", Span.SPAN_KIND_CLIENT]
        assert server.span.parent_span_id == edge_span.span.span_id
        assert {seen.trace_id for seen in spans.values()} == {server.trace_id}
        asked = json.loads(str(client.attributes["gen_ai.input.messages"]))
        assert asked == [{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}]
        (told,) = json.loads(str(client.attributes["gen_ai.output.messages"]))
        assert told == {"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}
        # It was not to be told.
        assert "traceparent" not in vendors.scripted.requests[-1].headers
        log = await stage.parley.log_with(request_id)
        assert PROMPT not in log
        assert ANSWER not in log


async def test_a_refusal_is_an_error_of_the_vendors_span_and_not_of_the_callers(
    stage: Stage, receiver: Receiver, vendors: Vendors, channel: grpc.aio.Channel
) -> None:
    model = vendors.model()
    vendors.scripted.always(v.openai_error(400, "bad"), model=model)
    metadata = (*stage.parley.metadata, ("x-request-id", f"refusal-{model}"))
    request = CompletionRequest(
        model=f"scripted/{model}", messages=[Message(role="user", content=[ContentPart(text=PROMPT)])]
    )
    await failure_of(ChatServiceStub(channel).CreateCompletion(request, metadata=metadata))
    spans = {seen.span.kind: seen for seen in await receiver.of_request(f"refusal-{model}", 2)}
    server, client = spans[Span.SPAN_KIND_SERVER], spans[Span.SPAN_KIND_CLIENT]
    assert client.attributes["error.type"] == server.attributes["error.type"] == "invalid_request"
    assert client.attributes["http.response.status_code"] == 400
    assert (client.span.status.code, server.span.status.code) == (2, 0)
