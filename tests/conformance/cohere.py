"""Cohere's Chat API, version 2 (https://docs.cohere.com/reference/chat, https://docs.cohere.com/docs/streaming)."""

import json
from typing import Any

from service.backends.cohere import CohereDialect
from service.backends.dialect import Target
from service.config import Timeouts
from tests.conformance.scenario import LONG, PARIS, REASONING, ROME, TEXT, Answer, Dialogue, Refusal


def event(kind: str, message: dict[str, Any] | None = None, **members: Any) -> bytes:
    data = {"type": kind, **members, **({} if message is None else {"delta": {"message": message}})}
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def usage(prompt: int, completion: int, **members: Any) -> dict[str, Any]:
    return {
        "billed_units": {"input_tokens": prompt - 2, "output_tokens": completion},
        "tokens": {"input_tokens": float(prompt), "output_tokens": float(completion)},
        **members,
    }


def text(*pieces: str, index: int = 0, kind: str = "text") -> list[bytes]:
    return [
        event("content-start", {"content": {"type": kind, kind: ""}}, index=index),
        *(event("content-delta", {"content": {kind: piece}}, index=index) for piece in pieces),
        event("content-end", index=index),
    ]


def call(index: int, id_: str, *arguments: str) -> list[bytes]:
    start = {"id": id_, "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    return [
        event("tool-call-start", {"tool_calls": start}, index=index),
        *(
            event("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index=index)
            for piece in arguments
        ),
        event("tool-call-end", index=index),
    ]


def end(reason: str, tokens: dict[str, Any], **members: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, "usage": tokens, **members})


def stream(*events: bytes) -> Answer:
    return Answer(b"".join(events), "text/event-stream")


def whole(message: dict[str, Any], reason: str, tokens: dict[str, Any]) -> Answer:
    body = {
        "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
        "finish_reason": reason,
        "message": {"role": "assistant", **message},
        "usage": tokens,
    }
    return Answer(json.dumps(body).encode(), "application/json", stream=False)


def message_call(id_: str, arguments: str) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


def refusal(status: int, message: str, **headers: str) -> Refusal:
    body = {"id": "5bbe8e45-0a4d-4c83-8c2e-ee4d4e11a6c8", "message": message}
    return Refusal(status, json.dumps(body).encode(), headers)


START = event(
    "message-start",
    {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []},
    id="29f14a5a-11de-4cae-9800-25e4747408ea",
)
WORDS = text("Hello, ", "wö", "rld ✓")
END = end("COMPLETE", usage(12, 7))

COHERE = Dialogue(
    target=Target(
        vendor="cohere",
        deployment="",
        model="command-a-03-2025",
        dialect=CohereDialect(),
        base_url="https://api.cohere.com/v2",
        timeouts=Timeouts(),
        credential="sk-planted",
    ),
    text=stream(START, *WORDS, END),
    text_unary=whole({"content": [{"type": "text", "text": TEXT}]}, "COMPLETE", usage(12, 7)),
    tools=stream(
        START,
        event("tool-plan-delta", {"tool_plan": "I will look at both."}),
        *call(0, "get_weather_1", '{"city":', '"Paris"}'),
        *call(1, "get_weather_2", '{"city":', '"Rome"}'),
        end("TOOL_CALL", usage(30, 20)),
    ),
    tools_unary=whole(
        {
            "tool_plan": "I will look at both.",
            "tool_calls": [message_call("get_weather_1", PARIS), message_call("get_weather_2", ROME)],
        },
        "TOOL_CALL",
        usage(30, 20),
    ),
    text_then_tool=stream(START, *WORDS, *call(1, "get_weather_1", PARIS), end("TOOL_CALL", usage(12, 7))),
    reasoning=stream(
        START,
        *text(REASONING, kind="thinking"),
        *text("Hello, ", "wö", "rld ✓", index=1),
        end("COMPLETE", usage(12, 7)),
    ),
    finish_length=stream(START, *text(LONG), end("MAX_TOKENS", usage(12, 7))),
    finish_filter=stream(START, *text(LONG), end("ERROR_TOXIC", usage(12, 7))),
    usage_details=stream(START, *WORDS, end("COMPLETE", usage(10, 9, cached_tokens=4.0))),
    error_mid_stream=stream(START, *text("one")[:2], end("ERROR", usage(12, 1), error="the model could not go on")),
    truncated=stream(START, *WORDS),
    malformed=stream(START, *text("one")[:2], b'event: content-delta\ndata: {"type":"content-del\n\n', END),
    future_event=stream(START, *WORDS[:2], event("weather-report", {"weather": "fine"}), *WORDS[2:], END),
    future_finish=stream(START, *text(LONG), end("OUT_OF_IDEAS", usage(12, 7))),
    bad_request=refusal(400, "invalid request: temperature must be at most 1"),
    not_found=refusal(404, "model 'x' not found, make sure the correct model ID was used"),
    own_key=refusal(401, "invalid api token: sk-planted"),
    rate_limited=refusal(429, "You are past the limit of calls", **{"retry-after": "7"}),
    overloaded=refusal(503, "the service is overloaded"),
    server_error=refusal(500, "internal server error"),
    context_length=refusal(400, "too many tokens: size limit exceeded by 8 tokens. Try using shorter or fewer inputs."),
    page=Refusal(502, b"<html>Bad gateway</html>"),
)
