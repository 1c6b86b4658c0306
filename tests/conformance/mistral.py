"""Mistral's chat completions (https://docs.mistral.ai/api/, https://docs.mistral.ai/capabilities/reasoning/)."""

import json
from typing import Any

from service.backends.dialect import Target
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from tests.conformance.openai import DONE, stream, usage
from tests.conformance.scenario import LONG, PARIS, REASONING, ROME, TEXT, Answer, Dialogue, Refusal, Skip


def chunk(delta: dict[str, Any], finish: str | None = None, **members: Any) -> bytes:
    event = {
        "id": "cmpl-e5cc70bb28c444948073e77776eb30ef",
        "object": "chat.completion.chunk",
        "created": 1702256327,
        "model": "mistral-small-latest",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **members,
    }
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def call(index: int, id_: str, arguments: str) -> dict[str, Any]:
    return {"id": id_, "function": {"name": "get_weather", "arguments": arguments}, "index": index}


def end(reason: str, tokens: dict[str, Any], delta: dict[str, Any] | None = None) -> bytes:
    return chunk(delta or {"content": ""}, reason, usage=tokens)


def whole(message: dict[str, Any], finish: str, tokens: dict[str, Any]) -> Answer:
    body = {
        "id": "cmpl-e5cc70bb28c444948073e77776eb30ef",
        "object": "chat.completion",
        "created": 1702256327,
        "model": "mistral-small-latest",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}],
        "usage": tokens,
    }
    return Answer(json.dumps(body).encode(), "application/json", stream=False)


def thought(text: str) -> dict[str, Any]:
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}


def refusal(status: int, message: str, kind: str, code: str | None = None, **headers: str) -> Refusal:
    error = {"object": "error", "message": message, "type": kind, "param": None, "code": code}
    return Refusal(status, json.dumps(error).encode(), headers)


ROLE = chunk({"role": "assistant", "content": ""})
WORDS = (ROLE, chunk({"content": "Hello, "}), chunk({"content": "wö"}), chunk({"content": "rld ✓"}))
END = end("stop", usage(12, 7))
CALLS = [call(0, "D681PevKs", PARIS), call(1, "F8qRz2xWm", ROME)]

MISTRAL = Dialogue(
    target=Target(
        vendor="mistral",
        deployment="",
        model="mistral-small-latest",
        dialect=DIALECTS["mistral"],
        base_url="https://api.mistral.ai/v1",
        timeouts=Timeouts(),
        credential="sk-planted",
    ),
    text=stream(*WORDS, END, DONE),
    text_unary=whole({"content": TEXT}, "stop", usage(12, 7)),
    tools=stream(ROLE, end("tool_calls", usage(30, 20), {"content": "", "tool_calls": CALLS}), DONE),
    tools_unary=whole({"content": "", "tool_calls": CALLS}, "tool_calls", usage(30, 20)),
    text_then_tool=stream(*WORDS, end("tool_calls", usage(12, 7), {"content": "", "tool_calls": CALLS[:1]}), DONE),
    reasoning=stream(
        ROLE,
        chunk(thought(REASONING[:5])),
        chunk({"content": [*thought(REASONING[5:])["content"], {"type": "text", "text": TEXT[:4]}]}),
        chunk({"content": TEXT[4:]}),
        END,
        DONE,
    ),
    finish_length=stream(ROLE, chunk({"content": LONG}), end("length", usage(12, 7)), DONE),
    finish_filter=Skip("no such reason: https://docs.mistral.ai/api/ (finish_reason: stop, length, error, tool_calls)"),
    usage_details=stream(*WORDS, end("stop", usage(10, 9, prompt_tokens_details={"cached_tokens": 4})), DONE),
    error_mid_stream=stream(ROLE, chunk({"content": "one"}), end("error", usage(12, 1))),
    truncated=stream(*WORDS, END),
    malformed=stream(ROLE, chunk({"content": "one"}), b'data: {"choices": [\n\n', DONE),
    future_event=stream(*WORDS[:2], chunk({"content": "", "weather": "fine"}), *WORDS[2:], END, DONE),
    future_finish=stream(ROLE, chunk({"content": LONG}), end("out_of_ideas", usage(12, 7)), DONE),
    bad_request=refusal(400, "Invalid tool schema", "invalid_request_invalid_args", "3051"),
    not_found=refusal(404, "Invalid model: x", "invalid_model", "1500"),
    own_key=Refusal(401, b'{"detail":"Unauthorized: sk-planted"}'),
    rate_limited=refusal(429, "Rate limit exceeded", "rate_limited", "1300", **{"retry-after": "7"}),
    overloaded=refusal(503, "Service unavailable", "service_unavailable"),
    server_error=refusal(500, "Internal server error", "internal_server_error"),
    context_length=refusal(
        400,
        "This model's maximum context length is 131072 tokens. However, you requested 671051 tokens",
        "invalid_request_prompt",
    ),
    page=Refusal(502, b"<html>Bad gateway</html>"),
)
