"""Amazon Bedrock (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html)."""

import json
from typing import Any

from service.backends.bedrock import BedrockDialect
from service.backends.dialect import Target
from service.config import Timeouts
from tests.backends.event_frames import event, exception
from tests.conformance.scenario import LONG, PARIS, ROME, TEXT, Answer, Dialogue, Refusal

EVENTS = "application/vnd.amazon.eventstream"


def stream(*events: bytes) -> Answer:
    return Answer(b"".join(events), EVENTS)


def usage(prompt: int, completion: int, **more: int) -> dict[str, int]:
    total = prompt + completion + sum(more.values())
    return {"inputTokens": prompt, "outputTokens": completion, "totalTokens": total, **more}


def metadata(prompt: int, completion: int, **more: int) -> bytes:
    return event("metadata", usage=usage(prompt, completion, **more), metrics={"latencyMs": 5})


def delta(block: int, **content: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=block, delta=content)


def stop(block: int) -> bytes:
    return event("contentBlockStop", contentBlockIndex=block)


def end(reason: str) -> bytes:
    return event("messageStop", stopReason=reason)


def text(block: int, *pieces: str) -> list[bytes]:
    return [*(delta(block, text=piece) for piece in pieces), stop(block)]


def call(block: int, id_: str, *arguments: str) -> list[bytes]:
    start = {"toolUse": {"toolUseId": id_, "name": "get_weather"}}
    return [
        event("contentBlockStart", contentBlockIndex=block, start=start),
        *(delta(block, toolUse={"input": piece}) for piece in arguments),
        stop(block),
    ]


def thought(block: int, *pieces: str, signature: str) -> list[bytes]:
    return [
        *(delta(block, reasoningContent={"text": piece}) for piece in pieces),
        delta(block, reasoningContent={"signature": signature}),
        stop(block),
    ]


def whole(content: list[dict[str, Any]], reason: str, tokens: dict[str, int]) -> Answer:
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason,
        "usage": tokens,
        "metrics": {"latencyMs": 5},
    }
    return Answer(json.dumps(body).encode(), "application/json", stream=False)


def tool_use(id_: str, arguments: str) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": id_, "name": "get_weather", "input": json.loads(arguments)}}


def refusal(status: int, exception_name: str, message: str, **headers: str) -> Refusal:
    kind = f"{exception_name}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    return Refusal(status, json.dumps({"message": message}).encode(), {"x-amzn-errortype": kind, **headers})


ROLE = event("messageStart", role="assistant")
WORDS = text(0, "Hello, ", "wö", "rld ✓")
ENDED = (end("end_turn"), metadata(12, 7))
ONE = delta(0, text="one")

BEDROCK = Dialogue(
    target=Target(
        vendor="bedrock",
        deployment="",
        model="anthropic.claude-sonnet-4-5-20250929-v1:0",
        dialect=BedrockDialect(),
        base_url="https://bedrock-runtime.us-east-1.amazonaws.com",
        timeouts=Timeouts(),
        auth="sigv4",
        credential="sk-planted",
        region="us-east-1",
    ),
    text=stream(ROLE, *WORDS, *ENDED),
    text_unary=whole([{"text": TEXT}], "end_turn", usage(12, 7)),
    tools=stream(
        ROLE,
        *call(0, "tooluse_1", '{"city":', '"Paris"}'),
        *call(1, "tooluse_2", "", '{"city":', '"Rome"}'),
        end("tool_use"),
        metadata(30, 20),
    ),
    tools_unary=whole([tool_use("tooluse_1", PARIS), tool_use("tooluse_2", ROME)], "tool_use", usage(30, 20)),
    text_then_tool=stream(ROLE, *WORDS, *call(1, "tooluse_1", PARIS), end("tool_use"), metadata(12, 7)),
    reasoning=stream(ROLE, *thought(0, "Let me ", "think.", signature="c2ln"), *text(1, TEXT), *ENDED),
    finish_length=stream(ROLE, *text(0, LONG), end("max_tokens"), metadata(12, 7)),
    finish_filter=stream(ROLE, *text(0, LONG), end("guardrail_intervened"), metadata(12, 7)),
    usage_details=stream(
        ROLE, *WORDS, end("end_turn"), metadata(6, 9, cacheReadInputTokens=4, cacheWriteInputTokens=0)
    ),
    error_mid_stream=stream(
        ROLE,
        ONE,
        exception(
            "modelStreamErrorException", message="The model failed", originalStatusCode=500, originalMessage="oops"
        ),
    ),
    truncated=stream(ROLE, *WORDS),
    malformed=stream(ROLE, ONE, bytes([*ONE[:-1], ONE[-1] ^ 1]), *ENDED),
    future_event=stream(
        ROLE,
        *WORDS[:2],
        event("telemetry", p="abc"),
        delta(0, hologram={"x": 1}),
        *WORDS[2:],
        *ENDED,
    ),
    future_finish=stream(ROLE, *text(0, LONG), end("out_of_ideas"), metadata(12, 7)),
    bad_request=refusal(400, "ValidationException", "bad"),
    not_found=refusal(404, "ResourceNotFoundException", "The model does not exist"),
    own_key=refusal(403, "UnrecognizedClientException", "The security token sk-planted is invalid"),
    rate_limited=refusal(429, "ThrottlingException", "Too many requests", **{"retry-after": "7"}),
    overloaded=refusal(503, "ServiceUnavailableException", "overloaded"),
    server_error=refusal(500, "InternalServerException", "oops"),
    context_length=refusal(
        400,
        "ValidationException",
        "The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum",
    ),
    page=Refusal(502, b"<html>Bad gateway</html>"),
)
