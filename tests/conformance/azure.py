"""Azure OpenAI (https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-streaming)."""

import json
from dataclasses import replace
from typing import Any

from service.backends.dialect import Target
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from tests.conformance.openai import DONE, EVENTS, OPENAI
from tests.conformance.scenario import LONG, Answer, Dialogue, Refusal, Skip

SAFE = {"filtered": False, "severity": "safe"}
PROMPT_VERDICT: list[dict[str, Any]] = [{"prompt_index": 0, "content_filter_results": {"hate": SAFE, "violence": SAFE}}]
VERDICT = {"hate": SAFE, "protected_material_text": {"filtered": False, "detected": False}}
AHEAD = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": PROMPT_VERDICT,
}


def azure(answer: Answer) -> Answer:
    """An answer of OpenAI's as Azure gives it: the verdict on the prompt ahead, and one in each choice."""
    if not answer.stream:
        body = json.loads(answer.body)
        body["prompt_filter_results"] = PROMPT_VERDICT
        body["choices"][0]["content_filter_results"] = VERDICT
        return replace(answer, body=json.dumps(body).encode())
    events: list[bytes] = [b"data: " + json.dumps(AHEAD).encode()]
    for event in answer.body.split(b"\n\n"):
        try:
            data = json.loads(event.removeprefix(b"data: "))
        except ValueError:
            events.append(event)
            continue
        for choice in data.get("choices", ()):
            choice["content_filter_results"] = VERDICT if choice["delta"].get("content") else {}
        events.append(b"data: " + json.dumps(data, ensure_ascii=False).encode())
    return replace(answer, body=b"\n\n".join(events))


def _azure(answer: Answer | Skip) -> Answer | Skip:
    return azure(answer) if isinstance(answer, Answer) else answer


def filtered() -> Answer:
    """The stream that the filter ends: the last choice has no delta of its own."""
    last = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "delta": {},
                "finish_reason": "content_filter",
                "content_filter_results": {"violence": {"filtered": True, "severity": "medium"}},
            }
        ],
        "usage": None,
    }
    first = {**last, "choices": [{"index": 0, "delta": {"role": "assistant", "content": LONG}, "finish_reason": None}]}
    events = (AHEAD, first, last)
    return Answer(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + DONE, EVENTS)


def refusal(status: int, code: str, message: str, **headers: str) -> Refusal:
    return Refusal(status, json.dumps({"error": {"code": code, "message": message}}).encode(), headers)


AZURE = Dialogue(
    target=Target(
        vendor="azure",
        deployment="",
        model="my deployment",
        dialect=DIALECTS["azure"],
        base_url="https://resource.openai.azure.com",
        timeouts=Timeouts(),
        auth="api-key",
        credential="sk-planted",
        version="2024-10-21",
    ),
    text=azure(OPENAI.text),
    text_unary=azure(OPENAI.text_unary),
    tools=azure(OPENAI.tools),
    tools_unary=azure(OPENAI.tools_unary),
    text_then_tool=azure(OPENAI.text_then_tool),
    reasoning=_azure(OPENAI.reasoning),
    finish_length=azure(OPENAI.finish_length),
    finish_filter=filtered(),
    usage_details=_azure(OPENAI.usage_details),
    error_mid_stream=azure(OPENAI.error_mid_stream),
    truncated=azure(OPENAI.truncated),
    malformed=azure(OPENAI.malformed),
    future_event=azure(OPENAI.future_event),
    future_finish=azure(OPENAI.future_finish),
    bad_request=refusal(400, "BadRequest", "bad"),
    not_found=refusal(404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
    own_key=refusal(401, "401", "Access denied due to invalid subscription key sk-planted"),
    rate_limited=refusal(429, "429", "Requests have exceeded the token rate limit", **{"retry-after": "7"}),
    overloaded=refusal(503, "ServiceUnavailable", "overloaded"),
    server_error=refusal(500, "InternalServerError", "oops"),
    context_length=OPENAI.context_length,
    page=OPENAI.page,
)
