"""The error table: what a kind of failure is called over gRPC, over HTTP and in OpenAI's error object."""

from dataclasses import dataclass
from enum import Enum, unique

from grpc import StatusCode

from service.errors.code import Code


@dataclass(frozen=True, slots=True)
class Row:
    """How one kind of failure is told."""

    grpc: StatusCode
    http: int
    type: str
    """`error.type` of the REST body: OpenAI's vocabulary where it has a word, Anthropic's where it has not."""
    code: Code
    """`error.code` of the REST body, and in upper case the reason of google.rpc.ErrorInfo."""
    retryable: bool = False
    """Whether the same request may succeed elsewhere or later."""


_INVALID = "invalid_request_error"
_SERVER = "server_error"
_TIMEOUT = "timeout_error"


@unique
class Kind(Enum):
    """Every kind of failure that a caller can be told of."""

    INVALID_JSON = Row(StatusCode.INVALID_ARGUMENT, 400, _INVALID, "invalid_json")
    INVALID_VALUE = Row(StatusCode.INVALID_ARGUMENT, 400, _INVALID, "invalid_value")
    UNSUPPORTED = Row(StatusCode.INVALID_ARGUMENT, 400, _INVALID, "unsupported_parameter")
    CONTEXT_LENGTH = Row(StatusCode.INVALID_ARGUMENT, 400, _INVALID, "context_length_exceeded")
    CONTENT_FILTER = Row(StatusCode.INVALID_ARGUMENT, 400, _INVALID, "content_filter")
    REFUSED = Row(StatusCode.INVALID_ARGUMENT, 400, _INVALID, "invalid_request")
    UNPROCESSABLE = Row(StatusCode.INVALID_ARGUMENT, 422, _INVALID, "invalid_request")
    KEY_REUSED = Row(StatusCode.INVALID_ARGUMENT, 422, _INVALID, "idempotency_key_reused")
    TOO_LARGE = Row(StatusCode.INVALID_ARGUMENT, 413, _INVALID, "request_too_large")
    INVALID_KEY = Row(StatusCode.UNAUTHENTICATED, 401, "authentication_error", "invalid_api_key")
    PERMISSION = Row(StatusCode.PERMISSION_DENIED, 403, "permission_error", "permission_denied")
    MODEL_NOT_FOUND = Row(StatusCode.NOT_FOUND, 404, _INVALID, "model_not_found")
    NO_QUOTA = Row(StatusCode.RESOURCE_EXHAUSTED, 402, "billing_error", "insufficient_quota")
    RATE_LIMIT = Row(StatusCode.RESOURCE_EXHAUSTED, 429, "rate_limit_error", "rate_limit_exceeded", retryable=True)
    OVERLOADED = Row(StatusCode.UNAVAILABLE, 529, "overloaded_error", "overloaded", retryable=True)
    UNAVAILABLE = Row(StatusCode.UNAVAILABLE, 503, _SERVER, "unavailable", retryable=True)
    CONNECT_FAILED = Row(StatusCode.UNAVAILABLE, 503, _SERVER, "upstream_unreachable", retryable=True)
    BAD_UPSTREAM = Row(StatusCode.UNAVAILABLE, 502, _SERVER, "bad_upstream", retryable=True)
    DISOBEYED = Row(StatusCode.UNAVAILABLE, 502, _SERVER, "guide_not_followed", retryable=True)
    STREAM_CUT = Row(StatusCode.UNAVAILABLE, 502, _SERVER, "stream_interrupted", retryable=True)
    UPSTREAM_ERROR = Row(StatusCode.INTERNAL, 500, _SERVER, "upstream_error", retryable=True)
    UPSTREAM_AUTH = Row(StatusCode.INTERNAL, 500, _SERVER, "upstream_auth")
    UPSTREAM_TIMEOUT = Row(StatusCode.DEADLINE_EXCEEDED, 504, _TIMEOUT, "upstream_timeout", retryable=True)
    REQUEST_TIMEOUT = Row(StatusCode.DEADLINE_EXCEEDED, 408, _TIMEOUT, "upstream_request_timeout", retryable=True)
    CONNECT_TIMEOUT = Row(StatusCode.DEADLINE_EXCEEDED, 504, _TIMEOUT, "connect_timeout", retryable=True)
    FIRST_TOKEN_TIMEOUT = Row(StatusCode.DEADLINE_EXCEEDED, 504, _TIMEOUT, "first_token_timeout", retryable=True)
    IDLE_TIMEOUT = Row(StatusCode.DEADLINE_EXCEEDED, 504, _TIMEOUT, "between_chunks_timeout", retryable=True)
    TOTAL_TIMEOUT = Row(StatusCode.DEADLINE_EXCEEDED, 504, _TIMEOUT, "total_timeout")
    STOPPING = Row(StatusCode.UNAVAILABLE, 503, _SERVER, "stopping", retryable=True)
    INTERNAL = Row(StatusCode.INTERNAL, 500, _SERVER, "internal_error")
