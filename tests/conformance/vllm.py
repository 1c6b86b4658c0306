"""vLLM's chat completions, in the shapes that tests/vendor/recordings has of vLLM 0.32."""

import json
from typing import Any

from service.backends.dialect import Target
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from tests.conformance.openai import DONE, stream, usage
from tests.conformance.scenario import LONG, PARIS, REASONING, ROME, TEXT, Answer, Dialogue, Refusal, Skip

HEAD = {"id": "chatcmpl-90b97b199c561108", "created": 1700000000, "model": "smollm2"}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **members: Any) -> bytes:
    choice: dict[str, Any] = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, "token_ids": None}
    if finish:
        choice["stop_reason"] = None
    event = {**HEAD, "object": "chat.completion.chunk", "choices": [] if delta is None else [choice], **members}
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def whole(message: dict[str, Any], finish: str, tokens: dict[str, Any]) -> Answer:
    nothing = dict.fromkeys(("refusal", "annotations", "audio", "function_call", "reasoning"))
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", **nothing, **message},
        "logprobs": None,
        "finish_reason": finish,
        "stop_reason": None,
    }
    body = {**HEAD, "object": "chat.completion", "choices": [choice], "service_tier": None, "usage": tokens}
    return Answer(json.dumps(body).encode(), "application/json", stream=False)


def calls(*arguments: str) -> list[bytes]:
    events: list[bytes] = []
    for index, text in enumerate(arguments):
        named = {
            "id": f"chatcmpl-tool-{index}",
            "type": "function",
            "index": index,
            "function": {"name": "get_weather"},
        }
        pieces = [{"index": index, "function": {"arguments": piece}} for piece in (text[:3], text[3:])]
        events += [chunk({"content": None, "tool_calls": [piece]}) for piece in (named, *pieces)]
    return events


def message_call(index: int, arguments: str) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": arguments}
    return {"id": f"chatcmpl-tool-{index}", "type": "function", "function": function}


def refusal(status: int, message: str, kind: str, param: str | None = None, **headers: str) -> Refusal:
    error = {"error": {"message": message, "type": kind, "param": param, "code": status}}
    return Refusal(status, json.dumps(error).encode(), headers)


ROLE = chunk({"role": "assistant", "content": ""})
WORDS = (ROLE, chunk({"content": "Hello, "}), chunk({"content": "wö"}), chunk({"content": "rld ✓"}))
STOP = chunk({}, "stop", system_fingerprint="vllm-0.32.0-e6779dba")
USAGE = chunk(usage=usage(12, 7))

VLLM = Dialogue(
    target=Target(
        vendor="vllm",
        deployment="",
        model="smollm2",
        dialect=DIALECTS["vllm"],
        base_url="http://vllm:8000/v1",
        timeouts=Timeouts(),
        credential="sk-planted",
        version="0.32.0",
    ),
    text=stream(*WORDS, STOP, USAGE, DONE),
    text_unary=whole({"content": TEXT}, "stop", usage(12, 7, prompt_tokens_details=None)),
    tools=stream(ROLE, *calls(PARIS, ROME), chunk({}, "tool_calls"), chunk(usage=usage(30, 20)), DONE),
    tools_unary=whole(
        {"content": "", "tool_calls": [message_call(0, PARIS), message_call(1, ROME)]}, "tool_calls", usage(30, 20)
    ),
    text_then_tool=stream(*WORDS, *calls(PARIS), chunk({}, "tool_calls"), USAGE, DONE),
    reasoning=stream(
        ROLE, chunk({"reasoning": REASONING[:5]}), chunk({"reasoning": REASONING[5:]}), *WORDS[1:], STOP, USAGE, DONE
    ),
    finish_length=stream(ROLE, chunk({"content": LONG}), chunk({}, "length"), USAGE, DONE),
    finish_filter=Skip("vLLM filters nothing (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html)"),
    usage_details=stream(*WORDS, STOP, chunk(usage=usage(10, 9, prompt_tokens_details={"cached_tokens": 4})), DONE),
    error_mid_stream=stream(
        ROLE,
        chunk({"content": "one"}),
        b'data: {"error": {"message": "EngineCore died", "type": "InternalServerError", "param": null, "code": 500}}\n\n',
        DONE,
    ),
    truncated=stream(*WORDS, STOP, USAGE),
    malformed=stream(ROLE, chunk({"content": "one"}), b'data: {"choices": [\n\n', DONE),
    future_event=stream(*WORDS[:2], b": ping\n\n", chunk({"telemetry": 1}), *WORDS[2:], STOP, USAGE, DONE),
    future_finish=stream(ROLE, chunk({"content": LONG}), chunk({}, "out_of_ideas"), USAGE, DONE),
    bad_request=refusal(400, "top_p must be in (0, 1], got 2.0.", "BadRequestError", "top_p"),
    not_found=refusal(404, "The model `nope` does not exist.", "NotFoundError", "model"),
    # vLLM itself quotes nothing; a proxy before it may.
    own_key=Refusal(401, b'{"error": "Unauthorized: sk-planted"}'),
    rate_limited=refusal(429, "slow", "RateLimitError", **{"retry-after": "7"}),
    overloaded=refusal(503, "The server is overloaded", "ServiceUnavailableError"),
    server_error=refusal(500, "EngineCore encountered an issue", "InternalServerError"),
    context_length=refusal(
        400,
        "This model's maximum context length is 4096 tokens. However, your prompt contains at least 4097 input tokens",
        "BadRequestError",
        "input_tokens",
    ),
    page=Refusal(502, b"<html>Bad gateway</html>"),
)
