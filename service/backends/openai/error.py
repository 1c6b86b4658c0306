"""Reads the error objects of OpenAI-compatible vendors, in their several shapes."""

from collections.abc import Mapping

from service.backends.status import failure
from service.codec import DecodeError, JsonObject, JsonValue, parse_object
from service.errors import ApiError, Kind

BY_CODE: dict[str, Kind] = {
    "context_length_exceeded": Kind.CONTEXT_LENGTH,
    "content_filter": Kind.CONTENT_FILTER,
    "content_policy_violation": Kind.CONTENT_FILTER,
    "insufficient_quota": Kind.NO_QUOTA,
    "model_not_found": Kind.MODEL_NOT_FOUND,
    "rate_limit_exceeded": Kind.RATE_LIMIT,
    "invalid_api_key": Kind.UPSTREAM_AUTH,
    # llama.cpp's words for the same
    "exceed_context_size_error": Kind.CONTEXT_LENGTH,
    "authentication_error": Kind.UPSTREAM_AUTH,
}
"""Kinds by the body's `code` or `type`, where it says more than the status
(https://platform.openai.com/docs/guides/error-codes)."""


BY_WORDS: tuple[tuple[str, Kind], ...] = (
    # vLLM and what is built on it; a code would be there if it had one
    ("maximum context length", Kind.CONTEXT_LENGTH),
)
"""Kinds by what the message holds, where status and code say only that the request is refused."""


def read_error(vendor: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """What an answer with an error status means; a body that is not JSON is not shown to the caller."""
    try:
        return error_of(vendor, status, headers, parse_object(body))
    except DecodeError:
        return failure(vendor, status, headers)


def error_of(vendor: str, status: int, headers: Mapping[str, str], body: JsonObject) -> ApiError:
    """What an error object means: `{"error": {...}}`, `{"error": "..."}`, `{"message": ...}` or `{"detail": ...}`."""
    error: JsonValue = body.get("error")
    fields: JsonObject = error if isinstance(error, dict) else body
    message = error if isinstance(error, str) else _message(fields)
    words = [word for word in (fields.get("code"), fields.get("type")) if isinstance(word, str)]
    param = fields.get("param")
    text = message if isinstance(message, str) else ""
    if not status:
        codes = (fields.get("code"), fields.get("status"), fields.get("status_code"))
        status = next((code for code in codes if isinstance(code, int) and 400 <= code < 600), 0)
    kind = next((BY_CODE[word] for word in words if word in BY_CODE), None)
    if kind is None and status == 400:
        kind = next((kind for part, kind in BY_WORDS if part in text), None)
    return failure(
        vendor,
        status or 500,
        headers,
        message=text,
        kind=kind,
        code=words[0] if words else "",
        # How servers that check requests with pydantic write a path.
        param=param.removeprefix("body.") if isinstance(param, str) else None,
    )


def _message(fields: JsonObject) -> JsonValue:
    """The words for a person: a text, pydantic's list of problems, or LLM Engine's `{"content": {"error": ...}}`."""
    detail = fields.get("message") or fields.get("detail")
    if isinstance(detail, dict):
        # Mistral has pydantic's list in `message.detail`.
        detail = detail.get("detail") or detail.get("message")
    if isinstance(detail, list):
        problems = [item["msg"] for item in detail if isinstance(item, dict) and isinstance(item.get("msg"), str)]
        return "; ".join(str(problem) for problem in problems)
    content = fields.get("content")
    if not detail and isinstance(content, dict):
        return content.get("error")
    return detail if not (filtered := _filtered(fields)) else f"{detail} ({filtered})"


def _filtered(fields: JsonObject) -> str:
    """What Azure's content filter objected to.

    Source: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter.
    """
    inner = fields.get("innererror")
    verdict = inner.get("content_filter_result") if isinstance(inner, dict) else None
    return ", ".join(
        f"{category}: {found.get('severity') or 'detected'}"
        for category, found in (verdict if isinstance(verdict, dict) else {}).items()
        if isinstance(found, dict) and found.get("filtered")
    )
