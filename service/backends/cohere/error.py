"""Reads Cohere's errors.

Source: https://docs.cohere.com/reference/errors.
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.backends.status import failure
from service.codec import DecodeError, JsonObject, parse_object
from service.errors import ApiError, Kind

BY_STATUS: Mapping[int, Kind] = MappingProxyType(
    {
        498: Kind.UPSTREAM_AUTH,
        499: Kind.UNAVAILABLE,
        501: Kind.UNPROCESSABLE,
    }
)
"""Kinds by a status that only Cohere uses, or uses otherwise (the names of cohere 7.3.1: InvalidTokenError,
ClientClosedRequestError, NotImplementedError)."""

BY_BEGINNING: Mapping[str, Kind] = MappingProxyType(
    {
        "too many tokens: size limit exceeded": Kind.CONTEXT_LENGTH,
        "too many tokens: total number of tokens in the prompt": Kind.CONTEXT_LENGTH,
        "too many tokens: minimal context could not be added": Kind.CONTEXT_LENGTH,
    }
)
"""Kinds by how the message begins: Cohere has no codes. A max_tokens beyond the model's begins otherwise, and is the
caller's own mistake (https://docs.cohere.com/errors-reference)."""


def read_error(vendor: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """What an answer with an error status means; a body that is not JSON is not shown to the caller."""
    try:
        return error_of(vendor, status, headers, parse_object(body))
    except DecodeError:
        return failure(vendor, status, headers, kind=BY_STATUS.get(status))


def error_of(vendor: str, status: int, headers: Mapping[str, str], body: JsonObject) -> ApiError:
    """What an error object means: `{"message": …}`, or a proxy's `{"error": {"message": …}}`."""
    inner = body.get("error")
    message = (inner if isinstance(inner, dict) else body).get("message")
    text = message if isinstance(message, str) else ""
    kind = BY_STATUS.get(status)
    if status in {400, 422}:
        kind = next((kind for words, kind in BY_BEGINNING.items() if text.startswith(words)), None)
    return failure(vendor, status, headers, message=text, kind=kind)
