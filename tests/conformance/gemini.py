"""Gemini's generateContent (https://ai.google.dev/api/generate-content), at the Gemini API and at Vertex AI."""

import dataclasses
import json
from typing import Any

from service.backends.dialect import Target
from service.backends.gemini import VERTEX as VERTEX_FIELDS
from service.backends.gemini import GeminiDialect, vertex_path
from service.config import Timeouts
from tests.conformance.scenario import LONG, PARIS, REASONING, ROME, TEXT, Answer, Dialogue, Refusal

EVENTS = "text/event-stream"


def usage(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": completion,
        "totalTokenCount": prompt + completion + details.get("thoughtsTokenCount", 0),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        **details,
    }


def response(*parts: dict[str, Any], finish: str | None = None, **members: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    # While it streams, only the prompt is counted.
    metadata = {"promptTokenCount": 12, "totalTokenCount": 12}
    return {
        "candidates": [candidate],
        "usageMetadata": metadata,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
        **members,
    }


def event(*parts: dict[str, Any], finish: str | None = None, **members: Any) -> bytes:
    return b"data: " + json.dumps(response(*parts, finish=finish, **members), ensure_ascii=False).encode() + b"\r\n\r\n"


def stream(*events: bytes) -> Answer:
    return Answer(b"".join(events), EVENTS)


def whole(*parts: dict[str, Any], tokens: dict[str, Any], finish: str = "STOP") -> Answer:
    body = json.dumps(response(*parts, finish=finish, usageMetadata=tokens), indent=2)
    return Answer(body.encode(), "application/json; charset=UTF-8", stream=False)


def text(words: str) -> dict[str, Any]:
    return {"text": words}


def call(arguments: str, **members: Any) -> dict[str, Any]:
    return {"functionCall": {"name": "get_weather", "args": json.loads(arguments)}, **members}


def refusal(status: int, word: str, message: str, *details: dict[str, Any]) -> Refusal:
    error: dict[str, Any] = {"code": status, "message": message, "status": word}
    if details:
        error["details"] = list(details)
    return Refusal(status, json.dumps({"error": error}, indent=2).encode())


WORDS = (event(text("Hello, ")), event(text("wö")))
END = event(text("rld ✓"), finish="STOP", usageMetadata=usage(12, 7))
SIGNED = {"thoughtSignature": "CrICAdHtim827fQ="}

GEMINI = Dialogue(
    target=Target(
        vendor="gemini",
        deployment="",
        model="gemini-2.5-flash",
        dialect=GeminiDialect(),
        base_url="https://generativelanguage.googleapis.com/v1beta",
        timeouts=Timeouts(),
        auth="x-goog-api-key",
        credential="sk-planted",
    ),
    text=stream(*WORDS, END),
    text_unary=whole(text(TEXT), tokens=usage(12, 7)),
    tools=stream(event(call(PARIS, **SIGNED)), event(call(ROME), finish="STOP", usageMetadata=usage(30, 20))),
    tools_unary=whole(call(PARIS, **SIGNED), call(ROME), tokens=usage(30, 20)),
    text_then_tool=stream(*WORDS, event(text("rld ✓")), event(call(PARIS), finish="STOP", usageMetadata=usage(12, 7))),
    reasoning=stream(event({"text": REASONING, "thought": True}), *WORDS, END),
    finish_length=stream(event(text(LONG), finish="MAX_TOKENS", usageMetadata=usage(12, 7))),
    finish_filter=stream(event(text(LONG)), event(finish="SAFETY", usageMetadata=usage(12, 7))),
    usage_details=stream(
        *WORDS,
        event(
            text("rld ✓"),
            finish="STOP",
            usageMetadata=usage(10, 4, cachedContentTokenCount=4, thoughtsTokenCount=5),
        ),
    ),
    error_mid_stream=stream(
        event(text("one")),
        b'data: {"error": {"code": 503,"message": "The model is overloaded. Please try again later.",'
        b'"status": "UNAVAILABLE"}}\r\n\r\n',
    ),
    truncated=stream(*WORDS),
    malformed=stream(event(text("one")), b'data: {"candidates": [\r\n\r\n', END),
    future_event=stream(
        WORDS[0],
        b'data: {"telemetry": {"ticks": 1}}\r\n\r\n',
        event({"hologram": {"voxels": 1}}),
        *WORDS[1:],
        END,
    ),
    future_finish=stream(event(text(LONG)), event(finish="OUT_OF_IDEAS", usageMetadata=usage(12, 7))),
    bad_request=refusal(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    not_found=refusal(404, "NOT_FOUND", "models/x is not found for API version v1beta"),
    own_key=refusal(
        400,
        "INVALID_ARGUMENT",
        "API key not valid: sk-planted. Please pass a valid API key.",
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        },
    ),
    rate_limited=refusal(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota.",
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"},
    ),
    overloaded=refusal(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    server_error=refusal(500, "INTERNAL", "An internal error has occurred."),
    context_length=refusal(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
    ),
    page=Refusal(502, b"<html>Bad gateway</html>"),
)

VERTEX = dataclasses.replace(
    GEMINI,
    target=dataclasses.replace(
        GEMINI.target,
        vendor="vertex_ai",
        dialect=GeminiDialect(fields=VERTEX_FIELDS, path=vertex_path),
        base_url="https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1",
        auth="google",
        region="us-central1",
        project="p",
    ),
    # As Vertex AI says it: when it was begun, how likely it was, how it was paid for.
    text=stream(
        event(text("Hello, "), createTime="2026-11-21T10:00:00.123456Z"),
        event(text("wö"), createTime="2026-11-21T10:00:00.123456Z"),
        event(text("rld ✓"), finish="STOP", usageMetadata=usage(12, 7, trafficType="ON_DEMAND")),
    ),
    own_key=refusal(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials: sk-planted.",
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED",
            "metadata": {"service": "aiplatform.googleapis.com"},
        },
    ),
)
