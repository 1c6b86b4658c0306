"""Anthropic's Messages API (https://platform.claude.com/docs/en/api/messages, .../build-with-claude/streaming)."""

import dataclasses
import json
from typing import Any

from service.backends.anthropic import AnthropicDialect
from service.backends.dialect import Target
from service.config import Timeouts
from tests.conformance.scenario import LONG, PARIS, REASONING, TEXT, Answer, Dialogue, Refusal

EVENTS = "text/event-stream; charset=utf-8"
SIGNATURE = "EqoBCkgIARABGAIiQL"


def event(kind: str, **members: Any) -> bytes:
    data = json.dumps({"type": kind, **members}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def start(prompt: int = 12, **usage: Any) -> bytes:
    message: dict[str, Any] = {
        "model": "claude-sonnet-4-5-20250929",
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": prompt, "output_tokens": 1, "service_tier": "standard", **usage},
    }
    return event("message_start", message=message)


def block(index: int, begun: dict[str, Any], *deltas: dict[str, Any]) -> tuple[bytes, ...]:
    return (
        event("content_block_start", index=index, content_block=begun),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    )


def text(index: int, *pieces: str) -> tuple[bytes, ...]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def call(index: int, id_: str, *pieces: str) -> tuple[bytes, ...]:
    begun: dict[str, Any] = {"type": "tool_use", "id": id_, "name": "get_weather", "input": {}}
    return block(index, begun, *({"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)))


def end(reason: str = "end_turn", completion: int = 7, **usage: Any) -> tuple[bytes, ...]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return event("message_delta", delta=delta, usage={"output_tokens": completion, **usage}), STOP


STOP = event("message_stop")
PING = event("ping")
WORDS = text(0, "Hello, ", "wö", "rld ✓")


def stream(*events: bytes) -> Answer:
    return Answer(b"".join(events), EVENTS)


def whole(content: list[dict[str, Any]], reason: str, prompt: int, completion: int) -> Answer:
    body = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": prompt, "output_tokens": completion, "service_tier": "standard"},
    }
    return Answer(json.dumps(body).encode(), "application/json", stream=False)


def refusal(status: int, kind: str, message: str, **headers: str) -> Refusal:
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011"}
    return Refusal(status, json.dumps(error).encode(), headers)


def google(status: int, word: str, message: str, **headers: str) -> Refusal:
    """What Vertex AI says itself; in a list where a stream was asked for."""
    error = {"error": {"code": status, "message": message, "status": word}}
    return Refusal(status, json.dumps([error]).encode(), headers)


def use(id_: str, city: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": "get_weather", "input": {"city": city}}


ANTHROPIC = Dialogue(
    target=Target(
        vendor="anthropic",
        deployment="",
        model="claude-sonnet-4-5",
        dialect=AnthropicDialect(),
        base_url="https://api.anthropic.com/v1",
        timeouts=Timeouts(),
        credential="sk-planted",
    ),
    text=stream(start(), PING, *WORDS, *end()),
    text_unary=whole([{"type": "text", "text": TEXT}], "end_turn", 12, 7),
    tools=stream(
        start(30),
        *call(0, "toolu_1", '{"city":', '"Paris"}'),
        *call(1, "toolu_2", '{"city"', ':"Rome"}'),
        *end("tool_use", 20),
    ),
    tools_unary=whole([use("toolu_1", "Paris"), use("toolu_2", "Rome")], "tool_use", 30, 20),
    text_then_tool=stream(start(), *WORDS, *call(1, "toolu_1", PARIS), *end("tool_use")),
    reasoning=stream(
        start(),
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            *({"type": "thinking_delta", "thinking": piece} for piece in (REASONING[:4], REASONING[4:])),
            {"type": "signature_delta", "signature": SIGNATURE},
        ),
        *block(1, {"type": "redacted_thinking", "data": "EmwKAhgBEgy3"}),
        *text(2, TEXT),
        *end(),
    ),
    finish_length=stream(start(), *text(0, LONG), *end("max_tokens")),
    finish_filter=stream(start(), *text(0, LONG), *end("refusal")),
    usage_details=stream(
        start(2, cache_creation_input_tokens=4, cache_read_input_tokens=4),
        *WORDS,
        *end("end_turn", 9, output_tokens_details={"thinking_tokens": 5}),
    ),
    error_mid_stream=stream(
        start(),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "one"}),
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}, request_id="req_011"),
    ),
    truncated=stream(start(), *WORDS, *end()[:-1]),
    malformed=stream(
        start(),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "one"}),
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index"\n\n',
        STOP,
    ),
    future_event=stream(start(), *WORDS[:2], event("telemetry", index=0, value=1), *WORDS[2:], *end()),
    future_finish=stream(start(), *text(0, LONG), *end("out_of_ideas")),
    bad_request=refusal(400, "invalid_request_error", "messages: at least one message is required"),
    not_found=refusal(404, "not_found_error", "model: claude-x"),
    own_key=refusal(401, "authentication_error", "invalid x-api-key sk-planted"),
    rate_limited=refusal(429, "rate_limit_error", "This request would exceed your limit", **{"retry-after": "7"}),
    overloaded=refusal(529, "overloaded_error", "Overloaded"),
    server_error=refusal(500, "api_error", "Internal server error"),
    context_length=refusal(400, "invalid_request_error", "prompt is too long: 200251 tokens > 200000 maximum"),
    page=Refusal(502, b"<html>Bad gateway</html>"),
)

ANTHROPIC_VERTEX = dataclasses.replace(
    ANTHROPIC,
    target=dataclasses.replace(
        ANTHROPIC.target,
        vendor="vertex_ai",
        model="claude-sonnet-4-5@20250929",
        dialect=AnthropicDialect(vertex=True),
        base_url="https://us-east5-aiplatform.googleapis.com/v1",
        auth="google",
        region="us-east5",
        project="p",
    ),
    not_found=google(404, "NOT_FOUND", "Publisher Model `x` was not found"),
    own_key=google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials: sk-planted"),
    rate_limited=google(429, "RESOURCE_EXHAUSTED", "Quota exceeded", **{"retry-after": "7"}),
    overloaded=google(503, "UNAVAILABLE", "The service is currently unavailable"),
    server_error=google(500, "INTERNAL", "Internal error encountered"),
)
