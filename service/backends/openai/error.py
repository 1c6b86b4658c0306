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
    message = error if isinstance(error, str) else fields.get("message") or fields.get("detail")
    words = [word for word in (fields.get("code"), fields.get("type")) if isinstance(word, str)]
    param = fields.get("param")
    if not status:
        code = fields.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 0
    return failure(
        vendor,
        status or 500,
        headers,
        message=message if isinstance(message, str) else "",
        kind=next((BY_CODE[word] for word in words if word in BY_CODE), None),
        code=words[0] if words else "",
        param=param if isinstance(param, str) else None,
    )
