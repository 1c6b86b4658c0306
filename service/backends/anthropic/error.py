"""Reads errors of Anthropic's API, and of the clouds and servers that have it, in their several shapes."""

from collections.abc import Mapping
from types import MappingProxyType

from service.backends.status import failure
from service.codec import DecodeError, JsonObject, JsonValue, parse_value
from service.errors import ApiError, Kind

BY_TYPE: Mapping[str, Kind] = MappingProxyType(
    {
        "invalid_request_error": Kind.REFUSED,
        "authentication_error": Kind.UPSTREAM_AUTH,
        "billing_error": Kind.NO_QUOTA,
        "permission_error": Kind.PERMISSION,
        "not_found_error": Kind.MODEL_NOT_FOUND,
        "request_too_large": Kind.TOO_LARGE,
        "rate_limit_error": Kind.RATE_LIMIT,
        "timeout_error": Kind.UPSTREAM_TIMEOUT,
        "gateway_timeout_error": Kind.UPSTREAM_TIMEOUT,
        "api_error": Kind.UPSTREAM_ERROR,
        "overloaded_error": Kind.OVERLOADED,
        # Google's words, where Vertex AI answers for itself (https://cloud.google.com/apis/design/errors).
        "INVALID_ARGUMENT": Kind.REFUSED,
        "FAILED_PRECONDITION": Kind.REFUSED,
        "UNAUTHENTICATED": Kind.UPSTREAM_AUTH,
        "PERMISSION_DENIED": Kind.PERMISSION,
        "NOT_FOUND": Kind.MODEL_NOT_FOUND,
        "RESOURCE_EXHAUSTED": Kind.RATE_LIMIT,
        "INTERNAL": Kind.UPSTREAM_ERROR,
        "UNAVAILABLE": Kind.UNAVAILABLE,
        "DEADLINE_EXCEEDED": Kind.UPSTREAM_TIMEOUT,
        # llama.cpp's word
        "exceed_context_size_error": Kind.CONTEXT_LENGTH,
    }
)
"""Kinds by the body's typed code (https://platform.claude.com/docs/en/api/errors)."""

BY_BEGINNING: Mapping[str, Kind] = MappingProxyType(
    {
        "prompt is too long": Kind.CONTEXT_LENGTH,
        "input length and `max_tokens` exceed context limit": Kind.CONTEXT_LENGTH,
        "Your credit balance is too low": Kind.NO_QUOTA,
    }
)
"""Kinds by how the message begins, where Anthropic has no code but its general invalid_request_error
(https://platform.claude.com/docs/en/build-with-claude/context-windows)."""


def read_error(vendor: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """What an answer with an error status means; a body that is not JSON is not shown to the caller."""
    try:
        value = parse_value(body)
    except DecodeError:
        return failure(vendor, status, headers)
    # Vertex AI answers a call for a stream with a list.
    if isinstance(value, list) and value:
        value = value[0]
    return error_of(vendor, status, headers, value if isinstance(value, dict) else {})


def error_of(vendor: str, status: int, headers: Mapping[str, str], body: JsonObject) -> ApiError:
    """What an error object means: Anthropic's `{"type": "error", "error": {…}}` or Google's `{"error": {…}}`.

    :param status: 200 where it came within an answer.
    """
    error: JsonValue = body.get("error")
    members: JsonObject = error if isinstance(error, dict) else body
    message = error if isinstance(error, str) else members.get("message")
    said = message if isinstance(message, str) else ""
    code = next((word for name in ("type", "status") if isinstance(word := members.get(name), str)), "")
    kind = BY_TYPE.get(code)
    # The status tells more than a type that stands for every other 4xx.
    if kind is Kind.REFUSED:
        kind = next((found for words, found in BY_BEGINNING.items() if said.startswith(words)), None)
        kind = kind or (Kind.REFUSED if status == 200 else None)
    if status == 200:
        kind = kind or Kind.UPSTREAM_ERROR
    request_id = body.get("request_id")
    if isinstance(request_id, str):
        headers = {"request-id": request_id, **headers}
    return failure(vendor, status, headers, message=said, kind=kind, code=code)
