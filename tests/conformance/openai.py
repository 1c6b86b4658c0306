"""OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat)."""

import json
from typing import Any

from service.backends.dialect import Target
from service.backends.openai import OpenAiDialect
from service.config import Timeouts
from tests.conformance.scenario import LONG, PARIS, REASONING, ROME, TEXT, Answer, Dialogue, Refusal

EVENTS = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"


def usage(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **details}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    event = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-4o-2024-08-06",
        "choices": choices,
        **members,
    }
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def stream(*events: bytes) -> Answer:
    return Answer(b"".join(events), EVENTS)


def whole(message: dict[str, Any], finish: str, tokens: dict[str, Any]) -> Answer:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
        ],
        "usage": tokens,
    }
    return Answer(json.dumps(body).encode(), "application/json", stream=False)


def refusal(status: int, message: str, kind: str, code: str | None = None, **headers: str) -> Refusal:
    error = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Refusal(status, json.dumps(error).encode(), headers)


def call(index: int, id_: str, *arguments: str) -> list[bytes]:
    start = {"index": index, "id": id_, "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    rest = [{"index": index, "function": {"arguments": piece}} for piece in arguments]
    return [chunk({"tool_calls": [each]}) for each in (start, *rest)]


def message_call(id_: str, arguments: str) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


ROLE = chunk({"role": "assistant", "content": "", "refusal": None})
WORDS = (ROLE, chunk({"content": "Hello, "}), chunk({"content": "wö"}), chunk({"content": "rld ✓"}))
STOP = chunk({}, "stop")
USAGE = chunk(usage=usage(12, 7))

OPENAI = Dialogue(
    target=Target(
        vendor="openai",
        deployment="",
        model="gpt-4o",
        dialect=OpenAiDialect(),
        base_url="https://api.openai.com/v1",
        timeouts=Timeouts(),
        credential="sk-planted",
    ),
    text=stream(*WORDS, STOP, USAGE, DONE),
    text_unary=whole({"content": TEXT, "refusal": None}, "stop", usage(12, 7)),
    tools=stream(
        chunk({"role": "assistant", "content": None}),
        *call(0, "call_1", '{"city":', '"Paris"}'),
        *call(1, "call_2", '{"city":', '"Rome"}'),
        chunk({}, "tool_calls"),
        chunk(usage=usage(30, 20)),
        DONE,
    ),
    tools_unary=whole(
        {"content": None, "tool_calls": [message_call("call_1", PARIS), message_call("call_2", ROME)]},
        "tool_calls",
        usage(30, 20),
    ),
    text_then_tool=stream(*WORDS, *call(0, "call_1", PARIS), chunk({}, "tool_calls"), USAGE, DONE),
    reasoning=stream(ROLE, chunk({"reasoning_content": REASONING}), *WORDS[1:], STOP, USAGE, DONE),
    finish_length=stream(ROLE, chunk({"content": LONG}), chunk({}, "length"), USAGE, DONE),
    finish_filter=stream(ROLE, chunk({"content": LONG}), chunk({}, "content_filter"), USAGE, DONE),
    usage_details=stream(
        *WORDS,
        STOP,
        chunk(
            usage=usage(
                10,
                9,
                prompt_tokens_details={"cached_tokens": 4, "audio_tokens": 0},
                completion_tokens_details={"reasoning_tokens": 5},
            )
        ),
        DONE,
    ),
    error_mid_stream=stream(
        ROLE,
        chunk({"content": "one"}),
        b'data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}\n\n',
    ),
    truncated=stream(*WORDS, STOP, USAGE),
    malformed=stream(ROLE, chunk({"content": "one"}), b'data: {"choices": [\n\n', DONE),
    future_event=stream(
        *WORDS[:2], b'event: telemetry\ndata: {"choices": [], "telemetry": 1}\n\n', *WORDS[2:], STOP, USAGE, DONE
    ),
    future_finish=stream(ROLE, chunk({"content": LONG}), chunk({}, "out_of_ideas"), USAGE, DONE),
    bad_request=refusal(400, "bad", "invalid_request_error"),
    not_found=refusal(404, "The model `x` does not exist", "invalid_request_error", "model_not_found"),
    own_key=refusal(401, "Incorrect API key provided: sk-planted", "invalid_request_error", "invalid_api_key"),
    rate_limited=refusal(429, "slow", "requests", "rate_limit_exceeded", **{"retry-after": "7"}),
    overloaded=refusal(503, "overloaded", "server_error"),
    server_error=refusal(500, "oops", "server_error"),
    context_length=refusal(400, "too long", "invalid_request_error", "context_length_exceeded"),
    page=Refusal(502, b"<html>Bad gateway</html>"),
)
