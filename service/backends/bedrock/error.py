"""Reads Amazon Bedrock's errors: by status before an answer, as exception frames within one.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html.
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.backends.bedrock.frames import Frame
from service.backends.status import failure
from service.codec import DecodeError, JsonObject, parse_object
from service.errors import ApiError, Kind

BY_CODE: Mapping[str, Kind] = MappingProxyType(
    {
        "ValidationException": Kind.REFUSED,
        "ConflictException": Kind.REFUSED,
        "ResourceNotFoundException": Kind.MODEL_NOT_FOUND,
        "ThrottlingException": Kind.RATE_LIMIT,
        "ServiceQuotaExceededException": Kind.RATE_LIMIT,
        "ModelNotReadyException": Kind.UNAVAILABLE,
        "ServiceUnavailableException": Kind.UNAVAILABLE,
        "ModelTimeoutException": Kind.UPSTREAM_TIMEOUT,
        "ModelErrorException": Kind.UPSTREAM_ERROR,
        "ModelStreamErrorException": Kind.UPSTREAM_ERROR,
        "InternalServerException": Kind.UPSTREAM_ERROR,
        # What this service's own identity may not do; the words tell of its account.
        "AccessDeniedException": Kind.UPSTREAM_AUTH,
        "ExpiredTokenException": Kind.UPSTREAM_AUTH,
        "IncompleteSignatureException": Kind.UPSTREAM_AUTH,
        "InvalidSignatureException": Kind.UPSTREAM_AUTH,
        "MissingAuthenticationTokenException": Kind.UPSTREAM_AUTH,
        "UnrecognizedClientException": Kind.UPSTREAM_AUTH,
    }
)
"""Kinds by the exception's name."""

TOO_LONG = (
    "Input is too long for requested model",
    "prompt is too long",
    "input length and `max_tokens` exceed context limit",
    "too many total text bytes",
)
"""What a ValidationException says where the conversation exceeds the model's context; Bedrock has no code for it
(https://github.com/strands-agents/sdk-python/pull/1663)."""


def read_error(vendor: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """What an answer with an error status means; a body that is not JSON is not shown to the caller."""
    try:
        content = parse_object(body)
    except DecodeError:
        content: JsonObject = {}
    named = headers.get("x-amzn-errortype") or content.get("__type") or content.get("code")
    return _failure(vendor, status, headers, named if isinstance(named, str) else "", content)


def frame_error(vendor: str, frame: Frame) -> ApiError:
    """What a frame means that is no event: an exception of the model's, or an error of the stream's."""
    headers = frame.headers
    try:
        content = parse_object(frame.payload)
    except DecodeError:
        content: JsonObject = {}
    content.setdefault("message", headers.get(":error-message", "broke the answer off without an explanation"))
    named = headers.get(":exception-type") or headers.get(":error-code", "")
    return _failure(vendor, 200, {}, named, content, otherwise=Kind.UPSTREAM_ERROR)


def _failure(
    vendor: str,
    status: int,
    headers: Mapping[str, str],
    named: str,
    content: JsonObject,
    *,
    otherwise: Kind | None = None,
) -> ApiError:
    code = _code(named)
    kind = BY_CODE.get(code, otherwise)
    message = content.get("message") or content.get("Message")
    text = message if isinstance(message, str) else ""
    if kind is Kind.REFUSED and any(words in text for words in TOO_LONG):
        kind = Kind.CONTEXT_LENGTH
    return failure(vendor, status, headers, message=text, kind=kind, code=code)


def _code(named: str) -> str:
    """The exception's name: `ValidationException:http://…`, `com.amazon#ValidationException`, `validationException`."""
    name = named.partition(":")[0].rpartition("#")[2].strip()
    return name[:1].upper() + name[1:]
